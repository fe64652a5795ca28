#include "daemon/config_files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_DIRECTORY "/etc/futured"
#define FILE_NAME        "futured.conf"

struct config_place {
    char *section, *key, *file;
    int line;
};

/* ---- files ---- */

static int refuse(struct config_error *error, const char *path, const char *why)
{
    snprintf(error->text, sizeof(error->text), "%s: %s", path, why);
    return -EINVAL;
}

static int is_drop_in(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 5 &&
           strcmp(entry->d_name + length - 5, ".conf") == 0;
}

/* Bytes, not the locale: the order must not depend on who starts the daemon. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_directory(struct config *config, const char *path, struct config_error *error)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_drop_in, by_name);
    int r = 0;
    if (count < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : refuse(error, path, strerror(errno));
    for (int i = 0; i < count; i++) {
        char file[PATH_MAX];
        int length = snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        if (r == 0 && (size_t)length >= sizeof(file))
            r = refuse(error, path, strerror(ENAMETOOLONG));
        if (r == 0)
            r = config_read_file(config, file, error);
        free(entries[i]);
    }
    free(entries);
    return r;
}

static int read_path(struct config *config, const char *path, bool must_be_there,
                     struct config_error *error)
{
    char drop_ins[PATH_MAX];
    struct stat status;
    int length = snprintf(drop_ins, sizeof(drop_ins), "%s.d", path);
    if ((size_t)length >= sizeof(drop_ins))
        return refuse(error, path, strerror(ENAMETOOLONG));
    if (stat(path, &status) < 0) {
        if (must_be_there || (errno != ENOENT && errno != ENOTDIR))
            return refuse(error, path, strerror(errno));
    } else if (S_ISDIR(status.st_mode)) {
        return read_directory(config, path, error);
    } else {
        int r = config_read_file(config, path, error);
        if (r < 0)
            return r;
    }
    return read_directory(config, drop_ins, error);
}

/* False where there is no such place, as without $HOME, or its name is too long. */
static bool find_usual(char *ret_path, size_t size)
{
    const char *given = getenv("CONFIGURATION_DIRECTORY");
    const char *config_home = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int length;
    if (given && given[0] != '\0')
        length = snprintf(ret_path, size, "%.*s/" FILE_NAME, (int)strcspn(given, ":"), given);
    else if (geteuid() == 0)
        length = snprintf(ret_path, size, SYSTEM_DIRECTORY "/" FILE_NAME);
    else if (config_home && config_home[0] == '/')
        length = snprintf(ret_path, size, "%s/futured/" FILE_NAME, config_home);
    else if (home && home[0] == '/')
        length = snprintf(ret_path, size, "%s/.config/futured/" FILE_NAME, home);
    else
        return false;
    return length > 0 && (size_t)length < size;
}

int config_load(struct config *config, const char *path, struct config_error *ret_error)
{
    char usual[PATH_MAX];
    if (path)
        return read_path(config, path, true, ret_error);
    return find_usual(usual, sizeof(usual)) ? read_path(config, usual, false, ret_error) : 0;
}

/* ---- places ---- */

static void free_place(struct config_place *place)
{
    free(place->section);
    free(place->key);
    free(place->file);
}

int config_note_place(struct config *config, const char *section, const char *key, const char *file,
                      int line)
{
    struct config_place *grown =
        reallocarray(config->places, config->place_count + 1, sizeof(*config->places));
    if (!grown)
        return -ENOMEM;
    config->places = grown;
    struct config_place place = {strdup(section), strdup(key), strdup(file), line};
    if (!place.section || !place.key || !place.file) {
        free_place(&place);
        return -ENOMEM;
    }
    grown[config->place_count++] = place;
    return 0;
}

void config_free_places(struct config *config)
{
    for (size_t i = 0; i < config->place_count; i++)
        free_place(&config->places[i]);
    free(config->places);
}

/* The last line that has set the key counts: it is the one in force. */
static const struct config_place *find_place(const struct config *config, const char *section,
                                             const char *key)
{
    const struct config_place *of_section = NULL;
    for (size_t i = config->place_count; i-- > 0;) {
        const struct config_place *place = &config->places[i];
        if (strcmp(place->section, section) != 0)
            continue;
        if (strcmp(place->key, key) == 0)
            return place;
        of_section = place;
    }
    return of_section;
}

int config_fail(const struct config *config, const char *section, const char *key,
                struct config_error *ret_error, const char *format, ...)
{
    const struct config_place *place = find_place(config, section, key);
    size_t used = 0;
    va_list args;
    if (place) {
        int length =
            snprintf(ret_error->text, sizeof(ret_error->text), "%s:%d: ", place->file, place->line);
        used = (size_t)length < sizeof(ret_error->text) ? (size_t)length : 0;
    }
    va_start(args, format);
    vsnprintf(ret_error->text + used, sizeof(ret_error->text) - used, format, args);
    va_end(args);
    return -EINVAL;
}
