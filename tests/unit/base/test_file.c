/* Files read, replaced, listed and appended to, in a folder of the test's own. */
#include "harness/base/file.h"

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct arena arena;
static struct fault fault;
static char folder[] = "/tmp/proviso-test-XXXXXX";

static const char *at(const char *name)
{
	return file_join(&arena, folder, name);
}

static struct text content(const char *path)
{
	struct source *source = NULL;

	ck_assert_msg(file_read(path, 1 << 20, &arena, &source, &fault), "%s", fault.message);
	return source->body;
}

static void make(const char *path, const char *body)
{
	ck_assert_msg(file_replace(path, text_of(body), 0644, &fault), "%s", fault.message);
}

/* The folder's names, comma-separated: shows what was left behind. */
static struct text names_in(const char *path)
{
	struct text *names = NULL;
	size_t count = 0;
	struct text all = TEXT("");

	ck_assert(file_list(path, &arena, &names, &count, &fault));
	for (size_t i = 0; i < count; i++)
		all = text_format(&arena, "%.*s%s%.*s", TEXT_ARG(all), i == 0 ? "" : ",",
		                  TEXT_ARG(names[i]));
	return all;
}

static void begin(void)
{
	(void)umask(022);
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_all(const char *path)
{
	struct text *names = NULL;
	size_t count = 0;

	if (unlink(path) == 0)
		return;
	(void)chmod(path, 0700);
	ck_assert(file_list(path, &arena, &names, &count, &fault));
	for (size_t i = 0; i < count; i++)
		remove_all(file_join(&arena, path, names[i].data));
	(void)rmdir(path);
}

static void end(void)
{
	remove_all(folder);
	arena_done(&arena);
}

START_TEST(a_file_is_read_whole_up_to_its_cap)
{
	struct source *source = NULL;
	const char *path = at("a.txt");

	make(path, "12345678");
	ck_assert(file_read(path, 8, &arena, &source, &fault));
	assert_text(source->body, "12345678");
	assert_text(source->name, path);
	ck_assert(!file_read(path, 7, &arena, &source, &fault));
	assert_fault_says(&fault, "a.txt is larger than 7 bytes");
	ck_assert_int_eq(fault.kind, FAULT_INPUT);
	make(path, "");
	assert_text(content(path), "");
}
END_TEST

START_TEST(a_large_file_arrives_unchanged)
{
	enum { SIZE = 300001 };
	char *bytes = arena_alloc_bytes(&arena, SIZE);

	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (char)(i * 31 >> 3);
	ck_assert(file_replace(at("big"), (struct text){bytes, SIZE}, 0644, &fault));
	struct text back = content(at("big"));
	ck_assert_uint_eq(back.len, SIZE);
	ck_assert_mem_eq(back.data, bytes, SIZE);
}
END_TEST

START_TEST(what_cannot_be_read_is_bad_input_with_its_reason)
{
	struct source *source = NULL;

	ck_assert(!file_read(at("absent"), 8, &arena, &source, &fault));
	assert_fault_says(&fault, "absent: No such file");
	ck_assert_int_eq(fault.kind, FAULT_INPUT);
	ck_assert(!file_read(folder, 8, &arena, &source, &fault));
	assert_fault_says(&fault, "Is a directory");
}
END_TEST

START_TEST(stdin_is_read_where_the_name_is_a_dash)
{
	struct source *source = NULL;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], "from a pipe", 11), 11);
	(void)close(ends[1]);
	(void)dup2(ends[0], STDIN_FILENO);
	ck_assert(file_read("-", 100, &arena, &source, &fault));
	assert_text(source->body, "from a pipe");
	assert_text(source->name, "stdin");
}
END_TEST

START_TEST(a_file_is_replaced_and_nothing_is_left_beside_it)
{
	struct stat status;

	make(at("m.json"), "old");
	make(at("m.json"), "new");
	assert_text(content(at("m.json")), "new");
	assert_text(names_in(folder), "m.json");
	ck_assert_int_eq(stat(at("m.json"), &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0644);
}
END_TEST

START_TEST(an_old_files_mode_is_kept)
{
	struct stat status;

	make(at("secret"), "old");
	ck_assert_int_eq(chmod(at("secret"), 0600), 0);
	make(at("secret"), "new");
	ck_assert_int_eq(stat(at("secret"), &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0600);
}
END_TEST

START_TEST(a_path_without_a_folder_is_replaced_here)
{
	ck_assert_int_eq(chdir(folder), 0);
	make("plain", "here");
	assert_text(content(at("plain")), "here");
	assert_text(names_in("."), "plain");
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(a_folder_is_never_replaced)
{
	ck_assert(file_make_directories(at("d"), &fault));
	ck_assert(!file_replace(at("d"), TEXT("x"), 0644, &fault));
	assert_fault_says(&fault, "it is a folder");
	ck_assert(!file_replace(at("nowhere/x"), TEXT("x"), 0644, &fault));
	assert_fault_says(&fault, "nowhere/x: No such file");
	assert_text(names_in(folder), "d");
}
END_TEST

START_TEST(a_link_is_followed_and_a_device_survives)
{
	struct stat status;

	make(at("real"), "old");
	ck_assert_int_eq(symlink("real", at("link")), 0);
	make(at("link"), "new");
	assert_text(content(at("real")), "new");
	ck_assert_int_eq(lstat(at("link"), &status), 0);
	ck_assert(S_ISLNK(status.st_mode));
	ck_assert_int_eq(symlink("gone", at("dangling")), 0);
	ck_assert(!file_replace(at("dangling"), TEXT("x"), 0644, &fault));
	make("/dev/null", "swallowed");
	ck_assert_int_eq(stat("/dev/null", &status), 0);
	ck_assert(S_ISCHR(status.st_mode));
}
END_TEST

START_TEST(a_full_disk_leaves_the_old_file_and_no_rubbish)
{
	struct rlimit limit = {.rlim_cur = 100, .rlim_max = RLIM_INFINITY};
	char big[1000];

	make(at("m"), "old");
	memset(big, 'x', sizeof(big));
	(void)signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	bool replaced = file_replace(at("m"), (struct text){big, sizeof(big)}, 0644, &fault);
	limit.rlim_cur = RLIM_INFINITY;
	(void)setrlimit(RLIMIT_FSIZE, &limit);
	ck_assert(!replaced);
	ck_assert_int_eq(fault.kind, FAULT_SYSTEM);
	assert_text(content(at("m")), "old");
	assert_text(names_in(folder), "m");
}
END_TEST

START_TEST(folders_are_made_with_those_above)
{
	ck_assert(file_make_directories(at("a/b//c/"), &fault));
	ck_assert(file_is_directory(at("a/b/c")));
	ck_assert(file_make_directories(at("a/b/c"), &fault));
	make(at("a/file"), "x");
	ck_assert(!file_make_directories(at("a/file/d"), &fault));
	assert_fault_says(&fault, "Not a directory");
	ck_assert(!file_make_directories(at("a/file"), &fault));
	ck_assert(file_exists(at("a/file")) && !file_is_directory(at("a/file")));
	ck_assert(!file_exists(at("a/none")));
}
END_TEST

START_TEST(names_come_sorted_bytewise)
{
	struct text *names = NULL;
	size_t count = 7;

	ck_assert(file_list(folder, &arena, &names, &count, &fault));
	ck_assert_uint_eq(count, 0);
	make(at("b"), "");
	make(at("B"), "");
	make(at("\xc3\xa4"), "");
	make(at("a10"), "");
	make(at("a9"), "");
	assert_text(names_in(folder), "B,a10,a9,b,\xc3\xa4");
	ck_assert(!file_list(at("none"), &arena, &names, &count, &fault));
	ck_assert_int_eq(fault.kind, FAULT_INPUT);
}
END_TEST

START_TEST(joined_paths_have_one_slash)
{
	ck_assert_str_eq(file_join(&arena, "a", "b"), "a/b");
	ck_assert_str_eq(file_join(&arena, "a//", "/b"), "a/b");
	ck_assert_str_eq(file_join(&arena, "/", "b"), "/b");
	ck_assert_str_eq(file_join(&arena, "", "b"), "b");
}
END_TEST

START_TEST(a_log_grows_and_is_found_again)
{
	struct file_log log;

	ck_assert(file_log_open(&log, at("journal"), &fault));
	ck_assert_int_eq(log.size, 0);
	ck_assert(file_log_append(&log, TEXT("one\n"), &fault));
	ck_assert(file_log_append(&log, TEXT("two\n"), &fault));
	ck_assert(file_log_sync(&log, &fault));
	ck_assert_int_eq(log.size, 8);
	file_log_close(&log);
	ck_assert(file_log_open(&log, at("journal"), &fault));
	ck_assert_int_eq(log.size, 8);
	ck_assert(file_log_truncate(&log, 4, &fault));
	ck_assert(file_log_append(&log, TEXT("three\n"), &fault));
	file_log_close(&log);
	file_log_close(&log);
	assert_text(content(at("journal")), "one\nthree\n");
	ck_assert(!file_log_append(&log, TEXT("four\n"), &fault));
	ck_assert(!file_log_sync(&log, &fault));
}
END_TEST

START_TEST(a_second_writer_is_refused)
{
	struct file_log first;
	struct file_log second;

	ck_assert(file_log_open(&first, at("journal"), &fault));
	ck_assert(!file_log_open(&second, at("journal"), &fault));
	assert_fault_says(&fault, "another process");
	ck_assert_int_eq(second.fd, -1);
	file_log_close(&first);
	ck_assert(file_log_open(&second, at("journal"), &fault));
	file_log_close(&second);
}
END_TEST

START_TEST(a_torn_record_is_cut_back)
{
	struct rlimit limit = {.rlim_cur = 10, .rlim_max = RLIM_INFINITY};
	struct file_log log;

	ck_assert(file_log_open(&log, at("journal"), &fault));
	ck_assert(file_log_append(&log, TEXT("whole\n"), &fault));
	(void)signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	bool appended = file_log_append(&log, TEXT("does not fit\n"), &fault);
	limit.rlim_cur = RLIM_INFINITY;
	(void)setrlimit(RLIMIT_FSIZE, &limit);
	ck_assert(!appended);
	ck_assert_int_eq(log.size, 6);
	assert_text(content(at("journal")), "whole\n");
	ck_assert(file_log_append(&log, TEXT("more\n"), &fault));
	file_log_close(&log);
	assert_text(content(at("journal")), "whole\nmore\n");
}
END_TEST

START_TEST(only_regular_files_are_logs)
{
	struct file_log log;

	ck_assert_int_eq(mkfifo(at("fifo"), 0600), 0);
	ck_assert(!file_log_open(&log, at("fifo"), &fault));
	assert_fault_says(&fault, "no regular file");
	ck_assert(!file_log_open(&log, folder, &fault));
	ck_assert(!file_log_open(&log, at("none/x"), &fault));
	char name[600];
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert(!file_log_open(&log, name, &fault));
	assert_fault_says(&fault, "a path longer than 511 bytes: nnn");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, begin, end);
	tcase_add_test(cases, a_file_is_read_whole_up_to_its_cap);
	tcase_add_test(cases, a_large_file_arrives_unchanged);
	tcase_add_test(cases, what_cannot_be_read_is_bad_input_with_its_reason);
	tcase_add_test(cases, stdin_is_read_where_the_name_is_a_dash);
	tcase_add_test(cases, a_file_is_replaced_and_nothing_is_left_beside_it);
	tcase_add_test(cases, an_old_files_mode_is_kept);
	tcase_add_test(cases, a_path_without_a_folder_is_replaced_here);
	tcase_add_test(cases, a_folder_is_never_replaced);
	tcase_add_test(cases, a_link_is_followed_and_a_device_survives);
	tcase_add_test(cases, a_full_disk_leaves_the_old_file_and_no_rubbish);
	tcase_add_test(cases, folders_are_made_with_those_above);
	tcase_add_test(cases, names_come_sorted_bytewise);
	tcase_add_test(cases, joined_paths_have_one_slash);
	tcase_add_test(cases, a_log_grows_and_is_found_again);
	tcase_add_test(cases, a_second_writer_is_refused);
	tcase_add_test(cases, a_torn_record_is_cut_back);
	tcase_add_test(cases, only_regular_files_are_logs);
}

int main(void)
{
	return unit_main_apart("file", add);
}
