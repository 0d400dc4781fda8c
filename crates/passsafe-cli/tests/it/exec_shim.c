/* What can happen to the serving process before it serves. Preloaded into the sealing one.
 *
 * EXEC_SHIM says what: `refused`, the system does not start it; `held`, the sealing process stops
 * itself in the last moment; `deaf`, a listening socket is none. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int execve(const char *file, char *const arguments[], char *const environment[])
{
    static const char LISTENER[] = "--listener=";
    const char *what = getenv("EXEC_SHIM");
    if (what && arguments[1] && strcmp(arguments[1], "__serving") == 0) {
        if (strcmp(what, "refused") == 0) {
            errno = ENOMEM;
            return -1;
        }
        if (strcmp(what, "held") == 0)
            raise(SIGSTOP);
        for (char *const *argument = arguments; strcmp(what, "deaf") == 0 && *argument; argument++)
            if (strncmp(*argument, LISTENER, sizeof LISTENER - 1) == 0)
                dup2(open("/dev/null", O_RDWR | O_CLOEXEC), atoi(*argument + sizeof LISTENER - 1));
    }
    return (int)syscall(SYS_execve, file, arguments, environment);
}
