/*
 * Running a grading command: in the folder of the case file, in a process group of its own, without
 * our descriptors and environment (keys!), within limits of time, memory and output. When it has
 * ended, has had its time or has said too much, its group is killed with all that is in it.
 *
 * Any thread: nothing here is shared but the flag that stops it.
 */
#include "cases/grade/grade.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

enum {
	PROCESS_FILE_BYTES = 64 << 20, /* of a file that it writes */
	PROCESS_MAX_DESCRIPTORS = 65536,
	PROCESS_OPEN_FILES = 64,
	PROCESS_COMPLAINT_BYTES = 4096, /* of what it prints to its standard error */
	PROCESS_TICK_MS = 10,           /* how often its end is looked for */
};

/* --- the child --- */

/* All that the child needs, made before it is: between fork and exec nothing may be allocated. */
struct launch {
	char *const *words;
	const char *folder;
	int in, out, error; /* its ends of the pipes */
	int error_report;   /* closes when it became the program; else the errno is written there */
	struct rlimit memory, cpu;
	int descriptors;
};

static void limit(int resource, rlim_t most)
{
	const struct rlimit value = {most, most};

	(void)setrlimit((__rlimit_resource_t)resource, &value);
}

static _Noreturn void become(const struct launch *launch)
{
	static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin", language[] = "LANG=C.UTF-8";
	static char *const environment[] = {path, language, NULL};
	sigset_t none;

	(void)setpgid(0, 0);
#ifdef __linux__
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it does not outlive us */
#endif
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (dup2(launch->in, 0) == 0 && dup2(launch->out, 1) == 1 && dup2(launch->error, 2) == 2 &&
	    chdir(launch->folder) == 0) {
		for (int i = 3; i < launch->descriptors; i++)
			if (i != launch->error_report)
				(void)close(i);
		limit(RLIMIT_CORE, 0);
		limit(RLIMIT_FSIZE, PROCESS_FILE_BYTES);
		limit(RLIMIT_NOFILE, PROCESS_OPEN_FILES);
		(void)setrlimit(RLIMIT_AS, &launch->memory);
		(void)setrlimit(RLIMIT_CPU, &launch->cpu);
		(void)execve(launch->words[0], launch->words, environment);
	}
	int why = errno;
	ssize_t told = write(launch->error_report, &why, sizeof(why));
	_exit(told > 0 ? 127 : 126);
}

/* A program without a slash is looked for where the child's PATH would. */
static const char *find_program(const char *word, struct arena *arena)
{
	static const char *const folders[] = {"/usr/local/bin", "/usr/bin", "/bin"};

	if (strchr(word, '/') != NULL)
		return word;
	for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
		const char *path = text_format(arena, "%s/%s", folders[i], word).data;
		if (access(path, X_OK) == 0)
			return path;
	}
	return word;
}

/* --- while it runs --- */

struct running {
	pid_t pid;
	int in, out, error; /* ours; -1: closed */
	struct text input;
	size_t written;
	struct text_buf said, complaint;
	const atomic_bool *stop;
	int64_t deadline_ms;
	bool ended, late, flooded, stopped;
	int status;
};

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_end(int *end)
{
	if (*end >= 0)
		(void)close(*end);
	*end = -1;
}

static void feed(struct running *running)
{
	ssize_t done = write(running->in, running->input.data + running->written,
	                     running->input.len - running->written);

	if (done > 0)
		running->written += (size_t)done;
	/* It need not read: EPIPE is no fault. */
	if ((done < 0 && errno != EAGAIN && errno != EINTR) ||
	    running->written == running->input.len)
		close_end(&running->in);
}

static void drain(int *from, struct text_buf *into, bool *flooded)
{
	char bytes[4096];
	ssize_t got;

	while (*from >= 0 && (got = read(*from, bytes, sizeof(bytes))) != 0) {
		if (got < 0) {
			if (errno != EAGAIN && errno != EINTR)
				close_end(from);
			return;
		}
		if (!text_buf_add(into, (struct text){bytes, (size_t)got})) {
			*flooded = true;
			return;
		}
	}
	close_end(from);
}

static void look(struct running *running)
{
	bool long_complaint = false; /* its beginning is enough */

	drain(&running->out, &running->said, &running->flooded);
	drain(&running->error, &running->complaint, &long_complaint);
	if (long_complaint)
		close_end(&running->error);
	if (!running->ended && waitpid(running->pid, &running->status, WNOHANG) == running->pid)
		running->ended = true;
}

/* Until it ends, prints too much, or its time is over. Then nothing of its group is left. */
static void attend(struct running *running)
{
	while (!running->ended && !running->flooded && !running->late && !running->stopped) {
		struct pollfd ends[] = {{running->in, POLLOUT, 0},
		                        {running->out, POLLIN, 0},
		                        {running->error, POLLIN, 0}};
		(void)poll(ends, ARRAY_LENGTH(ends), PROCESS_TICK_MS);
		if (running->in >= 0 && ends[0].revents != 0)
			feed(running);
		look(running);
		running->late = !running->ended && now_ms() >= running->deadline_ms;
		running->stopped = !running->ended && atomic_load(running->stop);
	}
	/* What it printed just before. */
	if (running->ended)
		look(running);
	(void)kill(-running->pid, SIGKILL);
	(void)kill(running->pid, SIGKILL);
	while (!running->ended && waitpid(running->pid, &running->status, 0) < 0 && errno == EINTR)
		;
	close_end(&running->in);
	close_end(&running->out);
	close_end(&running->error);
}

struct pipes {
	int ends[4][2]; /* in, out, error, report */
};

static void close_pipes(struct pipes *pipes)
{
	for (size_t i = 0; i < ARRAY_LENGTH(pipes->ends); i++) {
		close_end(&pipes->ends[i][0]);
		close_end(&pipes->ends[i][1]);
	}
}

static bool open_pipes(struct pipes *pipes)
{
	memset(pipes, -1, sizeof(*pipes));
	for (size_t i = 0; i < ARRAY_LENGTH(pipes->ends); i++) {
		if (pipe(pipes->ends[i]) != 0) {
			close_pipes(pipes);
			return false;
		}
		for (size_t j = 0; j < 2; j++)
			(void)fcntl(pipes->ends[i][j], F_SETFD, FD_CLOEXEC);
	}
	return true;
}

static char *copy_word(struct text word, struct arena *arena)
{
	char *copy = arena_alloc_bytes(arena, word.len + 1);

	if (word.len > 0)
		memcpy(copy, word.data, word.len);
	copy[word.len] = '\0';
	return copy;
}

static struct launch launch_of(const struct grade_command *command, const struct pipes *pipes,
                               struct arena *arena)
{
	char **words = ARENA_NEW_ARRAY(arena, char *, command->words.count + 1);
	long open_most = sysconf(_SC_OPEN_MAX);
	rlim_t memory = (rlim_t)command->memory_bytes;
	rlim_t seconds = (rlim_t)(command->timeout_ms / 1000 + 1);

	for (size_t i = 0; i < command->words.count; i++)
		words[i] = copy_word(command->words.items[i], arena);
	words[0] = copy_word(text_of(find_program(words[0], arena)), arena);
	return (struct launch){
	    .words = words,
	    .folder = command->folder,
	    .in = pipes->ends[0][0],
	    .out = pipes->ends[1][1],
	    .error = pipes->ends[2][1],
	    .error_report = pipes->ends[3][1],
	    .memory = {memory, memory},
	    .cpu = {seconds, seconds + 1},
	    .descriptors = open_most < 0 || open_most > PROCESS_MAX_DESCRIPTORS
	                       ? PROCESS_MAX_DESCRIPTORS
	                       : (int)open_most,
	};
}

/* 0 where it became the program; else the errno that kept it. */
static int await_program(struct pipes *pipes)
{
	int why = 0;

	close_end(&pipes->ends[3][1]);
	while (read(pipes->ends[3][0], &why, sizeof(why)) < 0 && errno == EINTR)
		;
	close_end(&pipes->ends[3][0]);
	return why;
}

static void run(const struct grade_command *command, struct pipes *pipes, struct running *running)
{
	close_end(&pipes->ends[0][0]);
	close_end(&pipes->ends[1][1]);
	close_end(&pipes->ends[2][1]);
	running->in = pipes->ends[0][1];
	running->out = pipes->ends[1][0];
	running->error = pipes->ends[2][0];
	pipes->ends[0][1] = pipes->ends[1][0] = pipes->ends[2][0] = -1;
	int ours[] = {running->in, running->out, running->error};
	for (size_t i = 0; i < ARRAY_LENGTH(ours); i++)
		(void)fcntl(ours[i], F_SETFL, O_NONBLOCK);
	running->deadline_ms = now_ms() + command->timeout_ms;
	attend(running);
}

static enum grade_end end_of(const struct running *running, int *code)
{
	if (running->stopped)
		return GRADE_STOPPED;
	if (running->late)
		return GRADE_LATE;
	if (running->flooded)
		return GRADE_FLOODED;
	if (WIFEXITED(running->status)) {
		*code = WEXITSTATUS(running->status);
		return GRADE_EXITED;
	}
	*code = WTERMSIG(running->status);
	return GRADE_SIGNALLED;
}

void grade_process(const struct grade_command *command, struct text input, const atomic_bool *stop,
                   struct grade_result *out)
{
	struct running running = {.in = -1, .out = -1, .error = -1, .input = input, .stop = stop};
	struct arena arena = {0};
	struct pipes pipes;

	*out = (struct grade_result){.end = GRADE_UNSTARTED};
	text_buf_init(&running.said, (size_t)command->output_bytes);
	text_buf_init(&running.complaint, PROCESS_COMPLAINT_BYTES);
	if (!open_pipes(&pipes)) {
		out->code = errno;
	} else {
		struct launch launch = launch_of(command, &pipes, &arena);
		running.pid = fork();
		if (running.pid == 0)
			become(&launch);
		out->code = running.pid < 0 ? errno : await_program(&pipes);
		if (running.pid > 0)
			run(command, &pipes, &running);
		if (out->code == 0)
			out->end = end_of(&running, &out->code);
		close_pipes(&pipes);
	}
	out->said = running.said;
	out->complaint = running.complaint;
	arena_done(&arena);
}

void grade_result_done(struct grade_result *result)
{
	text_buf_done(&result->said);
	text_buf_done(&result->complaint);
}
