/* Moves the boot-time and the wall clock of one program, and of what it executes.
 *
 * Preloaded. Not only the C library asks the kernel's vDSO for the time, so the function in
 * there is what is replaced: nobody in the process can see the true clocks any more. The
 * monotonic clock stays as it is: it is the one that stands still while a machine sleeps.
 *
 * CLOCK_SHIM names a file of native 64-bit numbers, as in `struct shared`. It is mapped, so a
 * change takes effect at once. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
static const char NAME[] = "__vdso_clock_gettime", VERSION[] = "LINUX_2.6";
/* jmp *0(%rip) */
static const unsigned char JUMP[] = {0xff, 0x25, 0, 0, 0, 0};
#elif defined(__aarch64__)
static const char NAME[] = "__kernel_clock_gettime", VERSION[] = "LINUX_2.6.39";
/* ldr x16, #8; br x16 */
static const unsigned char JUMP[] = {0x50, 0, 0, 0x58, 0, 0x02, 0x1f, 0xd6};
#else
#error "no jump is known for this machine"
#endif

static volatile struct shared {
    int64_t boot_ahead, wall_ahead; /* seconds */
    int64_t wall_fails_in;          /* if not 0: in how many readings the wall clock fails */
    int64_t wall_readings;          /* counted here */
} *shared;
static char *own_path, *shared_path;

static int moved_clock_gettime(clockid_t clock, struct timespec *time)
{
    if (syscall(SYS_clock_gettime, clock, time) != 0)
        return -errno;
    if (clock == CLOCK_BOOTTIME)
        time->tv_sec += shared->boot_ahead;
    if (clock == CLOCK_REALTIME) {
        __atomic_add_fetch(&shared->wall_readings, 1, __ATOMIC_SEQ_CST);
        if (shared->wall_fails_in > 0 && --shared->wall_fails_in == 0)
            return -EINVAL;
        time->tv_sec += shared->wall_ahead;
    }
    return 0;
}

static void fail(const char *what)
{
    perror(what);
    _exit(99);
}

__attribute__((constructor)) static void start(void)
{
    own_path = strdup(getenv("LD_PRELOAD"));
    shared_path = strdup(getenv("CLOCK_SHIM"));
    int file = open(shared_path, O_RDWR | O_CLOEXEC);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file < 0 || shared == MAP_FAILED)
        fail("clock shim: the numbers cannot be read");
    close(file);

    void *vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
    unsigned char *function = vdso ? dlvsym(vdso, NAME, VERSION) : NULL;
    if (!function)
        fail("clock shim: the vDSO has no clock");
    uintptr_t page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    void *page = (void *)((uintptr_t)function & ~(page_size - 1));
    if (mprotect(page, 2 * page_size, PROT_READ | PROT_WRITE | PROT_EXEC) != 0 &&
        mprotect(page, page_size, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
        fail("clock shim: the vDSO cannot be changed");
    void *target = (void *)moved_clock_gettime;
    memcpy(function, JUMP, sizeof JUMP);
    memcpy(function + sizeof JUMP, &target, sizeof target);
    __builtin___clear_cache((char *)function, (char *)function + 16);
}

/* The serving process starts in a fresh environment, which these two are added to. */
int execve(const char *file, char *const arguments[], char *const environment[])
{
    size_t count = 0;
    while (environment[count])
        count++;
    const char **extended = calloc(count + 3, sizeof *extended);
    char *preload, *numbers;
    if (!extended || asprintf(&preload, "LD_PRELOAD=%s", own_path) < 0 ||
        asprintf(&numbers, "CLOCK_SHIM=%s", shared_path) < 0)
        return -1;
    memcpy(extended, environment, count * sizeof *extended);
    extended[count] = preload;
    extended[count + 1] = numbers;
    return (int)syscall(SYS_execve, file, arguments, extended);
}
