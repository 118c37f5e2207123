/*
 * An external grader: a program of the user's own that gets request, reply and reference as JSON
 * on its standard input and says by its exit status whether the answer passes (0) or not (1), and
 * by {"score": 0.7} on its output how good it is.
 *
 * It runs in the folder of the case file, in a process group of its own, without our descriptors
 * and environment (keys!), within limits of time, memory and output, and is killed with all of its
 * group when it ends or has had its time. That keeps a slip from doing harm; it is no prison: who
 * writes a case file says what is run.
 */
#include "cases/grade.h"
#include "harness/base/json_write.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	COMMAND_MAX_WORDS = 64,
	COMMAND_TIMEOUT_MS = 10000,
	COMMAND_MAX_TIMEOUT_MS = 60000,
	COMMAND_MEMORY_BYTES = 512 << 20,
	COMMAND_MIN_MEMORY_BYTES = 16 << 20,
	COMMAND_OUTPUT_BYTES = 64 << 10,
	COMMAND_MAX_OUTPUT_BYTES = 1 << 20,
	COMMAND_FILE_BYTES = 64 << 20, /* of a file that it writes */
	COMMAND_INPUT_BYTES = 64 << 20,
	COMMAND_MAX_DESCRIPTORS = 65536,
	COMMAND_TICK_MS = 10, /* how often its end is looked for */
};

/* --- reading --- */

struct command_keys {
	struct text_list run;
	int64_t timeout_ms, memory_bytes, output_bytes;
};

/* clang-format off */
static const struct setting command_rows[] = {
	{.name = "run", .type = SETTING_TEXTS, .offset = offsetof(struct command_keys, run),
	 .flags = SETTING_REQUIRED, .doc = "the program and its arguments, in the case file's folder"},
	{.name = "timeout", .type = SETTING_DURATION,
	 .offset = offsetof(struct command_keys, timeout_ms), .min = 1, .max = COMMAND_MAX_TIMEOUT_MS,
	 .doc = "how long it may take (default 10s, at most 60s)"},
	{.name = "memory", .type = SETTING_BYTES, .offset = offsetof(struct command_keys, memory_bytes),
	 .min = COMMAND_MIN_MEMORY_BYTES, .doc = "address space of each of its processes (default 512m)"},
	{.name = "output", .type = SETTING_BYTES, .offset = offsetof(struct command_keys, output_bytes),
	 .min = 1, .max = COMMAND_MAX_OUTPUT_BYTES, .doc = "what it may print (default 64k)"},
};
/* clang-format on */
static const struct setting_table command_table = {
    .what = "grading command", .rows = command_rows, .count = ARRAY_LENGTH(command_rows)};

/* The case file's folder; "." where it has none. */
static const char *folder_of(struct expect_reader *reader, const struct json *node)
{
	struct place place = json_place(node);
	struct text file = place.source == NULL ? TEXT("") : place.source->name;
	size_t slash = file.len;

	while (slash > 0 && file.data[slash - 1] != '/')
		slash--;
	return slash == 0 ? "." : text_c(reader->arena, text_slice(file, 0, slash));
}

bool grade_read_command(struct expect_reader *reader, const struct json *node,
                        const struct grade_command **out)
{
	struct grade_command *command = ARENA_NEW(reader->arena, struct grade_command);
	struct command_keys keys = {.timeout_ms = COMMAND_TIMEOUT_MS,
	                            .memory_bytes = COMMAND_MEMORY_BYTES,
	                            .output_bytes = COMMAND_OUTPUT_BYTES};

	*out = command;
	if (json_is(node, JSON_ARRAY)) {
		keys.run.items = ARENA_NEW_ARRAY(reader->arena, struct text, node->count);
		JSON_EACH(word, node)
		{
			if (!json_is(word, JSON_STRING))
				return expect_fault(reader, word,
				                    "a word of a command is a string");
			keys.run.items[keys.run.count++] = word->text;
		}
	} else if (!settings_read(&command_table, node, &keys, reader->arena, reader->faults) ||
	           !json_is(node, JSON_OBJECT)) {
		return false;
	}
	if (keys.run.count == 0 || keys.run.count > COMMAND_MAX_WORDS || keys.run.items[0].len == 0)
		return expect_fault(reader, node,
		                    "want a program and its arguments, at most %d words",
		                    COMMAND_MAX_WORDS);
	for (size_t i = 0; i < keys.run.count; i++)
		if (text_find_byte(keys.run.items[i], '\0', 0) != TEXT_NOT_FOUND)
			return expect_fault(reader, node, "a word of a command holds a NUL");
	*command = (struct grade_command){.words = keys.run,
	                                  .folder = folder_of(reader, node),
	                                  .timeout_ms = keys.timeout_ms,
	                                  .memory_bytes = keys.memory_bytes,
	                                  .output_bytes = keys.output_bytes};
	return true;
}

/* --- what it is told --- */

static void write_reply(struct json_writer *writer, const struct judgement *judgement)
{
	const struct chat_choice *choice = judgement->choice;

	json_write_key(writer, "reply");
	json_write_object(writer);
	json_write_key(writer, "content");
	if (choice->content.data == NULL)
		json_write_null(writer);
	else
		json_write_string(writer, choice->content);
	if (choice->finish_reason.data != NULL)
		json_write_member(writer, "finish_reason", choice->finish_reason);
	json_write_key(writer, "tool_calls");
	json_write_array(writer);
	for (size_t i = 0; i < choice->tool_call_count; i++) {
		json_write_object(writer);
		json_write_member(writer, "name", choice->tool_calls[i].name);
		json_write_member(writer, "arguments", choice->tool_calls[i].arguments);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
	json_write_object_end(writer);
}

static void write_node(struct json_writer *writer, const char *name, const struct json *node)
{
	json_write_key(writer, name);
	if (node == NULL)
		json_write_null(writer);
	else
		json_write_node(writer, node);
}

static void write_input(const struct judgement *judgement, struct text_buf *out)
{
	struct json_writer writer;

	json_writer_init(&writer, out, false);
	json_write_object(&writer);
	write_node(&writer, "request", judgement->seen->request);
	write_reply(&writer, judgement);
	write_node(&writer, "reference", judgement->seen->reference);
	json_write_object_end(&writer);
	text_buf_byte(out, '\n');
}

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
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (dup2(launch->in, 0) == 0 && dup2(launch->out, 1) == 1 && dup2(launch->error, 2) == 2 &&
	    chdir(launch->folder) == 0) {
		for (int i = 3; i < launch->descriptors; i++)
			if (i != launch->error_report)
				(void)close(i);
		limit(RLIMIT_CORE, 0);
		limit(RLIMIT_FSIZE, COMMAND_FILE_BYTES);
		limit(RLIMIT_NOFILE, 64);
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
	int64_t deadline_ms;
	bool ended, late, flooded;
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
	while (!running->ended && !running->flooded && !running->late) {
		struct pollfd ends[] = {{running->in, POLLOUT, 0},
		                        {running->out, POLLIN, 0},
		                        {running->error, POLLIN, 0}};
		(void)poll(ends, ARRAY_LENGTH(ends), COMMAND_TICK_MS);
		if (running->in >= 0 && ends[0].revents != 0)
			feed(running);
		look(running);
		running->late = !running->ended && now_ms() >= running->deadline_ms;
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

/* --- what came of it --- */

static bool fail(const struct judgement *judgement, const char *what, const struct running *running)
{
	struct text said = text_trim(text_buf_view(&running->complaint));

	judge(judgement, FINDING_HARNESS, "the grading command %s%s%.*s", what,
	      said.len == 0 ? "" : ": ", TEXT_ARG(shown(judgement, said)));
	return false;
}

/* {"score": 0.7}; nothing printed: by the exit status alone. */
static bool read_score(const struct judgement *judgement, const struct running *running,
                       struct grade *out)
{
	struct text said = text_trim(text_buf_view(&running->said));
	const struct json *score;
	struct json *root;
	struct fault fault;

	if (said.len == 0)
		return true;
	if (!json_read_text(said, "output", judgement->arena, &root, &fault) ||
	    !json_is(root, JSON_OBJECT))
		return fail(judgement, "prints something that is no JSON object", running);
	score = json_member(root, "score");
	if (score != NULL &&
	    (!json_is(score, JSON_NUMBER) || !text_to_double(score->text, &out->score) ||
	     !(out->score >= 0 && out->score <= 1)))
		return fail(judgement, "gives a score that is not from 0 to 1", running);
	struct text why = json_string(root, "why");
	if (why.len > 0)
		out->lack = text_copy(judgement->arena, shown(judgement, why));
	return true;
}

static bool conclude(const struct grade_command *command, const struct judgement *judgement,
                     const struct running *running, struct grade *out)
{
	if (running->late) {
		struct text what = text_format(judgement->arena, "took longer than %lld ms",
		                               (long long)command->timeout_ms);
		return fail(judgement, what.data, running);
	}
	if (running->flooded) {
		struct text what = text_format(judgement->arena, "printed more than %lld bytes",
		                               (long long)command->output_bytes);
		return fail(judgement, what.data, running);
	}
	if (!WIFEXITED(running->status) || WEXITSTATUS(running->status) > 1) {
		struct text what = WIFEXITED(running->status)
		                       ? text_format(judgement->arena, "exits with %d",
		                                     WEXITSTATUS(running->status))
		                       : text_format(judgement->arena, "was ended by signal %d",
		                                     WTERMSIG(running->status));
		return fail(judgement, what.data, running);
	}
	bool passed = WEXITSTATUS(running->status) == 0;
	*out = (struct grade){.score = passed ? 1 : 0, .refused = !passed};
	if (!read_score(judgement, running, out))
		return false;
	if (out->lack.data == NULL && !passed)
		out->lack = TEXT("the grading command does not let it pass");
	return true;
}

/* --- running it --- */

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

static struct launch launch_of(const struct grade_command *command,
                               const struct judgement *judgement, const struct pipes *pipes)
{
	struct arena *arena = judgement->arena;
	char **words = ARENA_NEW_ARRAY(arena, char *, command->words.count + 1);
	long open_most = sysconf(_SC_OPEN_MAX);

	for (size_t i = 0; i < command->words.count; i++) {
		struct text word = command->words.items[i];
		words[i] = arena_alloc_bytes(arena, word.len + 1);
		memcpy(words[i], word.data, word.len);
		words[i][word.len] = '\0';
	}
	struct text program = text_of(find_program(words[0], arena));
	words[0] = arena_alloc_bytes(arena, program.len + 1);
	memcpy(words[0], program.data, program.len + 1);
	return (struct launch){
	    .words = words,
	    .folder = command->folder,
	    .in = pipes->ends[0][0],
	    .out = pipes->ends[1][1],
	    .error = pipes->ends[2][1],
	    .error_report = pipes->ends[3][1],
	    .memory = {(rlim_t)command->memory_bytes, (rlim_t)command->memory_bytes},
	    .cpu = {(rlim_t)(command->timeout_ms / 1000 + 1),
	            (rlim_t)(command->timeout_ms / 1000 + 2)},
	    .descriptors = open_most < 0 || open_most > COMMAND_MAX_DESCRIPTORS
	                       ? COMMAND_MAX_DESCRIPTORS
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

bool grade_run_command(const struct grade_command *command, const struct judgement *judgement,
                       struct grade *out)
{
	enum { COMPLAINT_BYTES = 4096 };
	struct running running = {.in = -1, .out = -1, .error = -1};
	struct text_buf input;
	struct pipes pipes;
	bool good;

	if (!open_pipes(&pipes)) {
		judge(judgement, FINDING_HARNESS, "the grading command can't be started: %s",
		      strerror(errno));
		return false;
	}
	text_buf_init(&input, COMMAND_INPUT_BYTES);
	write_input(judgement, &input);
	text_buf_init(&running.said, (size_t)command->output_bytes);
	text_buf_init(&running.complaint, COMPLAINT_BYTES);
	running.input = text_buf_view(&input);
	struct launch launch = launch_of(command, judgement, &pipes);
	running.pid = fork();
	if (running.pid == 0)
		become(&launch);
	int why = running.pid < 0 ? errno : await_program(&pipes);
	if (running.pid > 0)
		run(command, &pipes, &running);
	close_pipes(&pipes);
	if (why != 0) {
		judge(judgement, FINDING_HARNESS, "the grading command \"%s\" can't be started: %s",
		      launch.words[0], strerror(why));
		good = false;
	} else {
		good = conclude(command, judgement, &running, out);
	}
	text_buf_done(&input);
	text_buf_done(&running.said);
	text_buf_done(&running.complaint);
	return good;
}
