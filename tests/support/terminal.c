/* terminal COLUMNS COMMAND: lets the shell run the command on a terminal of that width, on which
 * nobody types anything, and writes what is to be seen there. Exits like the command. script(1)
 * could do that too, but sometimes does not notice that the command is done. */
#include <errno.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROWS         24
#define END_OF_INPUT "\4"

static int fail(const char *what)
{
    fprintf(stderr, "terminal: %s: %s\n", what, strerror(errno));
    return 125;
}

/* Until no process has the terminal open any more. */
static int show(int terminal)
{
    char data[4096];
    ssize_t size;

    while ((size = read(terminal, data, sizeof(data))) > 0 || (size < 0 && errno == EINTR)) {
        if (size > 0 && write(STDOUT_FILENO, data, (size_t)size) != size)
            return -1;
    }
    return size == 0 || errno == EIO ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct winsize size = {.ws_row = ROWS};
    int terminal, status;

    if (argc != 3) {
        fprintf(stderr, "usage: terminal COLUMNS COMMAND\n");
        return 125;
    }
    size.ws_col = (unsigned short)atoi(argv[1]);
    pid_t pid = forkpty(&terminal, NULL, NULL, &size);
    if (pid < 0)
        return fail("forkpty");
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", argv[2], (char *)NULL);
        _exit(fail("/bin/sh"));
    }
    if (write(terminal, END_OF_INPUT, 1) != 1 || show(terminal) < 0)
        return fail("the terminal");
    if (waitpid(pid, &status, 0) < 0)
        return fail("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
