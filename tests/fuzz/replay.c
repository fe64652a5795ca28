/* Hands a target each input that is kept for it: the files of tests/corpus/TARGET, or those that
 * are named. In place of the fuzzer, for builds without one. */
#include <dirent.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

/* In a block of its own size, so that a look behind its end is seen. */
static void replay(const char *path)
{
    struct stat status;
    FILE *file = fopen(path, "re");

    MUST(file && fstat(fileno(file), &status) == 0);
    size_t size = (size_t)status.st_size;
    uint8_t *data = malloc(size ? size : 1);
    MUST(data && fread(data, 1, size, file) == size);
    (void)fclose(file);
    /* What crashes is the last that was named. */
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int replay_corpus(const char *program)
{
    char folder[256], path[600], name[128];
    struct dirent **entries;
    int count;

    snprintf(name, sizeof(name), "%s", program);
    MUST(strncmp(basename(name), "fuzz_", 5) == 0);
    snprintf(folder, sizeof(folder), "tests/corpus/%s", basename(name) + 5);
    count = scandir(folder, &entries, is_input, alphasort);
    MUST(count > 0);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        replay(path);
        free(entries[i]);
    }
    free(entries);
    return count;
}

int main(int argc, char **argv)
{
    int count = argc - 1;

    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    if (argc == 1)
        count = replay_corpus(strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0]);
    printf("%d passed, 0 failed\n", count);
    return EXIT_SUCCESS;
}
