/*
 * Runs a command and writes down what the system says it used: CPU and the peak of its memory,
 * its own and that of the children it waited for, and nobody else's.
 *
 *   launch TIMES FILE COMMAND [ARGUMENT...]
 *
 * Appends to FILE one line a run: wall, user and system seconds, peak KiB, exit status. It is
 * linked with libc alone: what the system calls a process's peak begins with what its parent
 * held when it was made, so the parent has to be smaller than anything that is measured.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

static int die(const char *what)
{
	perror(what);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	char *end = NULL;
	unsigned long times = argc < 4 ? 0 : strtoul(argv[1], &end, 10);

	if (times == 0 || *end != '\0') {
		(void)fprintf(stderr, "usage: launch TIMES FILE COMMAND [ARGUMENT...]\n");
		return EXIT_FAILURE;
	}
	FILE *out = fopen(argv[2], "ae");
	if (out == NULL)
		return die(argv[2]);
	for (unsigned long i = 0; i < times; i++) {
		struct rusage used;
		int status;
		double start = now_seconds();
		pid_t child = fork();

		if (child < 0)
			return die("fork");
		if (child == 0) {
			/* What is measured does not outlive a benchmark that was broken off. */
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)execvp(argv[3], argv + 3);
			perror(argv[3]);
			_exit(127);
		}
		if (wait4(child, &status, 0, &used) != child)
			return die("wait4");
		double wall = now_seconds() - start;
		(void)fprintf(out, "%.6f %.6f %.6f %ld %d\n", wall, seconds_of(used.ru_utime),
		              seconds_of(used.ru_stime), used.ru_maxrss,
		              WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	}
	return fclose(out) == 0 ? EXIT_SUCCESS : die(argv[2]);
}
