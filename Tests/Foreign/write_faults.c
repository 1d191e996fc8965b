// Loaded into a program by LD_PRELOAD: counts what it writes, and at a chosen step ends it as `kill -9` does, or lets the call fail.
//
// A step is a call that another process or the next run can see: writing to a file or a TCP connection, syncing, creating, renaming,
// linking, truncating and removing files, making folders. Standard streams and pipes do not count. With K2_FAULT_MERGE=1, calls that
// write to one file without anything in between are one step.
//
//   K2_FAULT_ACTION   count; kill: at the step; stop: SIGTERM before the step, which is made all the same; error: the step's call fails
//                     with EIO; full: from the step on writing and creating files fails with ENOSPC
//   K2_FAULT_STEP     from 1 on
//   K2_FAULT_UNDER    only files below this path count, and no connections
//   K2_FAULT_REPORT   a file that gets the number of steps, that of calls at files one by one, and the last step's name
//   K2_FAULT_HASTE    waits between tries are shortened so many times
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum action { COUNT, KILL, STOP, ERROR, FULL };
enum kind { WRITES, OTHER };

struct report {
    _Atomic long steps, files;
    char last[240];
};

static enum action action;
static long chosen, haste;
static int merges;
static const char *under;
static struct report *report;
static _Atomic int last_file = -1;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void start(void) {
    const char *text = getenv("K2_FAULT_ACTION");
    action = !text ? COUNT : !strcmp(text, "kill") ? KILL : !strcmp(text, "stop") ? STOP : !strcmp(text, "error") ? ERROR : !strcmp(text, "full") ? FULL : COUNT;
    chosen = (text = getenv("K2_FAULT_STEP")) ? atol(text) : 0;
    haste = (text = getenv("K2_FAULT_HASTE")) ? atol(text) : 1;
    merges = (text = getenv("K2_FAULT_MERGE")) && *text == '1';
    under = getenv("K2_FAULT_UNDER");
    const char *path = getenv("K2_FAULT_REPORT");
    if (!path) return;
    int file = REAL(open)(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || REAL(ftruncate)(file, sizeof *report) != 0) abort();
    void *map = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (map == MAP_FAILED) abort();
    report = map;
    close(file);
}

static int is_below(const char *path) { return !under || !strncmp(path, under, strlen(under)); }

// Whether a step at this file counts.
static int counts_file(int file) {
    struct stat about;
    if (file <= STDERR_FILENO || fstat(file, &about) != 0) return 0;
    if (S_ISSOCK(about.st_mode)) {
        int family = 0;
        socklen_t length = sizeof family;
        return !under && getsockopt(file, SOL_SOCKET, SO_DOMAIN, &family, &length) == 0 && (family == AF_INET || family == AF_INET6);
    }
    if (!S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode)) return 0;
    if (!under) return 1;
    char name[64], path[4096];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_below(path);
}

// Counts a step. Returns 0 when the call is to be made, else the error that it is to end with.
static int step(const char *name, const char *path, int file, enum kind kind) {
    int before = errno;
    if (report && strcmp(name, "send")) atomic_fetch_add(&report->files, 1);
    if (kind == WRITES && merges) {
        if (atomic_exchange(&last_file, file) == file) return 0;
    } else {
        atomic_store(&last_file, -1);
    }
    static _Atomic long counted;
    long number = atomic_fetch_add(&counted, 1) + 1;
    int due = number == chosen;
    if (report && (!chosen || number <= chosen || action == STOP)) {
        snprintf(report->last, sizeof report->last, "%s %s", name, path ? path : "");
        atomic_store(&report->steps, number);
    }
    errno = before;
    if (due && action == KILL) {
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
    if (due && action == STOP) raise(SIGTERM);
    if (due && action == ERROR) return EIO;
    int needs_room = kind == WRITES || !strcmp(name, "create") || !strcmp(name, "mkdir");
    return action == FULL && chosen && number >= chosen && needs_room ? ENOSPC : 0;
}

#define AT_FILE(name, kind)                                                     \
    if (counts_file(file)) {                                                     \
        int wrong = step(name, NULL, file, kind);                                \
        if (wrong) {                                                             \
            errno = wrong;                                                       \
            return -1;                                                           \
        }                                                                        \
    }

#define AT_PATH(name, path)                                                      \
    if (is_below(path)) {                                                        \
        int wrong = step(name, path, -1, OTHER);                                 \
        if (wrong) {                                                             \
            errno = wrong;                                                       \
            return -1;                                                           \
        }                                                                        \
    }

ssize_t write(int file, const void *bytes, size_t count) {
    AT_FILE("write", WRITES)
    return REAL(write)(file, bytes, count);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
    AT_FILE("write", WRITES)
    return REAL(pwrite)(file, bytes, count, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    AT_FILE("write", WRITES)
    return REAL(pwrite64)(file, bytes, count, at);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    AT_FILE("write", WRITES)
    return REAL(writev)(file, parts, count);
}

ssize_t send(int file, const void *bytes, size_t count, int flags) {
    AT_FILE("send", WRITES)
    return REAL(send)(file, bytes, count, flags);
}

ssize_t sendto(int file, const void *bytes, size_t count, int flags, const struct sockaddr *to, socklen_t length) {
    AT_FILE("send", WRITES)
    return REAL(sendto)(file, bytes, count, flags, to, length);
}

ssize_t sendmsg(int file, const struct msghdr *message, int flags) {
    AT_FILE("send", WRITES)
    return REAL(sendmsg)(file, message, flags);
}

// What is read from a connection lies between two requests.
ssize_t recv(int file, void *bytes, size_t count, int flags) {
    atomic_store(&last_file, -1);
    return REAL(recv)(file, bytes, count, flags);
}

int fsync(int file) {
    AT_FILE("sync", OTHER)
    return REAL(fsync)(file);
}

int fdatasync(int file) {
    AT_FILE("sync", OTHER)
    return REAL(fdatasync)(file);
}

int ftruncate(int file, off_t length) {
    AT_FILE("truncate", OTHER)
    return REAL(ftruncate)(file, length);
}

int ftruncate64(int file, off64_t length) {
    AT_FILE("truncate", OTHER)
    return REAL(ftruncate64)(file, length);
}

int rename(const char *from, const char *to) {
    AT_PATH("rename", to)
    return REAL(rename)(from, to);
}

int link(const char *from, const char *to) {
    AT_PATH("link", to)
    return REAL(link)(from, to);
}

int unlink(const char *path) {
    if (access(path, F_OK) == 0) { AT_PATH("unlink", path) }
    return REAL(unlink)(path);
}

int mkdir(const char *path, mode_t mode) {
    if (access(path, F_OK) != 0) { AT_PATH("mkdir", path) }
    return REAL(mkdir)(path, mode);
}

#define OPEN(name)                                                               \
    int name(const char *path, int flags, ...) {                                 \
        mode_t mode = 0;                                                         \
        if (flags & O_CREAT) {                                                   \
            va_list more;                                                        \
            va_start(more, flags);                                               \
            mode = va_arg(more, mode_t);                                         \
            va_end(more);                                                        \
            if (access(path, F_OK) != 0) { AT_PATH("create", path) }             \
        }                                                                        \
        return REAL(name)(path, flags, mode);                                    \
    }

OPEN(open)
OPEN(open64)

int nanosleep(const struct timespec *wanted, struct timespec *left) {
    long long time = (wanted->tv_sec * 1000000000LL + wanted->tv_nsec) / haste;
    struct timespec shorter = {time / 1000000000, time % 1000000000};
    return REAL(nanosleep)(&shorter, left);
}

// A wait for a signal that comes through a pipe; limits of connections stay.
int poll(struct pollfd *files, nfds_t count, int timeout) {
    struct stat about;
    if (haste > 1 && count == 1 && timeout > 100 && fstat(files[0].fd, &about) == 0 && S_ISFIFO(about.st_mode)) timeout /= haste;
    return REAL(poll)(files, count, timeout);
}
