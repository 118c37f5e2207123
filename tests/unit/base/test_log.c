/* What the log writes, byte for byte, and what it holds back. */
#include "harness/base/log.h"

#include "harness/base/redact.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <unistd.h>

static struct arena arena;
static FILE *capture;
static int old_stderr;

static void begin(void)
{
	capture = tmpfile();
	ck_assert_ptr_nonnull(capture);
	old_stderr = dup(STDERR_FILENO);
	(void)dup2(fileno(capture), STDERR_FILENO);
}

static struct text written(void)
{
	enum { MAX = 64 * 1024 };
	char *bytes = arena_alloc_bytes(&arena, MAX);

	(void)fflush(stderr);
	ssize_t got = pread(fileno(capture), bytes, MAX, 0);
	ck_assert_int_ge(got, 0);
	ck_assert_int_eq(ftruncate(fileno(capture), 0), 0);
	(void)lseek(STDERR_FILENO, 0, SEEK_SET);
	return (struct text){bytes, (size_t)got};
}

static void end(void)
{
	(void)dup2(old_stderr, STDERR_FILENO);
	(void)close(old_stderr);
	(void)fclose(capture);
	log_set_level(LOG_WARN);
	redact_forget_all();
	arena_done(&arena);
}

START_TEST(an_event_is_one_line_with_its_level_first)
{
	log_warn("call.retry", "provider=%s attempt=%d", "lab", 2);
	assert_text(written(), "warn call.retry provider=lab attempt=2\n");
	log_error("proxy.stop", "%s", "");
	assert_text(written(), "error proxy.stop\n");
}
END_TEST

START_TEST(events_below_the_threshold_are_dropped)
{
	log_info("a.b", "c=%d", 1);
	assert_text(written(), "");
	log_set_level(LOG_DEBUG);
	log_debug("a.b", "c=%d", 1);
	assert_text(written(), "debug a.b c=1\n");
	log_set_level(LOG_SILENT);
	log_error("a.b", "c=%d", 1);
	assert_text(written(), "");
}
END_TEST

START_TEST(bytes_of_the_network_reach_no_terminal_raw)
{
	log_warn("a.b", "text=%s", "\x1b]0;owned\x07\nwarn forged line\r\xe2\x80\xae");
	assert_text(written(), "warn a.b text=\\x1b]0;owned\\x07\\nwarn forged line\\r\\u202e\n");
}
END_TEST

START_TEST(a_secret_is_masked_even_where_the_line_is_cut)
{
	char text[10000];

	ck_assert(redact_remember(TEXT("sk-12345678")));
	log_warn("a.b", "key=%s", "sk-12345678");
	assert_text(written(), "warn a.b key=***********\n");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memcpy(text + 8 * 1024 - 6, "sk-12345678", 11);
	log_warn("a.b", "%s", text);
	struct text line = written();
	ck_assert(text_ends(line, TEXT("xx****** ...\n")));
	ck_assert_uint_eq(text_find_byte(line, '\n', 0), line.len - 1);
}
END_TEST

START_TEST(errno_survives_a_log_line)
{
	errno = ENOSPC;
	log_warn("a.b", "c=%d", 1);
	ck_assert_int_eq(errno, ENOSPC);
	(void)written();
}
END_TEST

START_TEST(levels_have_names)
{
	enum log_level level = LOG_WARN;

	ck_assert(log_level_from_name("debug", &level) && level == LOG_DEBUG);
	ck_assert(log_level_from_name("silent", &level) && level == LOG_SILENT);
	ck_assert(!log_level_from_name("loud", &level));
	ck_assert(!log_level_from_name("", &level));
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, begin, end);
	tcase_add_test(cases, an_event_is_one_line_with_its_level_first);
	tcase_add_test(cases, events_below_the_threshold_are_dropped);
	tcase_add_test(cases, bytes_of_the_network_reach_no_terminal_raw);
	tcase_add_test(cases, a_secret_is_masked_even_where_the_line_is_cut);
	tcase_add_test(cases, errno_survives_a_log_line);
	tcase_add_test(cases, levels_have_names);
}

int main(void)
{
	return unit_main("log", add);
}
