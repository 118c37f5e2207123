/* Keys: where they may come from, and that no mistake shows one. */
#include "providers/secret/secret.h"

#include "harness/base/redact.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena arena;
static char folder[64];
static const struct place nowhere;

static void setup(void)
{
	(void)snprintf(folder, sizeof(folder), "/tmp/proviso-secret-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void)
{
	(void)unlink(text_format(&arena, "%s/key", folder).data);
	ck_assert_int_eq(rmdir(folder), 0);
	redact_forget_all();
	arena_done(&arena);
}

/* Writes a key file and returns its reference. */
static struct text key_file(struct text bytes, mode_t mode)
{
	struct text path = text_format(&arena, "%s/key", folder);
	int fd = open(path.data, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes.data, bytes.len), (ssize_t)bytes.len);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	ck_assert_int_eq(close(fd), 0);
	return text_format(&arena, "file:%.*s", TEXT_ARG(path));
}

static void expect_key(struct text reference, const char *key)
{
	struct secret *secret;
	struct fault fault;

	ck_assert_msg(secret_load(reference, nowhere, &secret, &fault), "%s", fault.message);
	assert_text(secret_reveal(secret), key);
	ck_assert(secret_is_available(reference));
	secret_free(secret);
}

static void expect_refused(struct text reference, const char *says)
{
	struct secret *secret;
	struct fault fault;

	ck_assert(!secret_load(reference, nowhere, &secret, &fault));
	assert_fault_says(&fault, says);
}

START_TEST(a_key_comes_from_a_variable)
{
	(void)setenv("PROVISO_UNIT_KEY", "sk-unit-0001-abcdef", 1);
	expect_key(TEXT("env:PROVISO_UNIT_KEY"), "sk-unit-0001-abcdef");
	(void)unsetenv("PROVISO_UNIT_KEY");
	expect_refused(TEXT("env:PROVISO_UNIT_KEY"), "PROVISO_UNIT_KEY");
	ck_assert(!secret_is_available(TEXT("env:PROVISO_UNIT_KEY")));
	(void)setenv("PROVISO_UNIT_KEY", "", 1);
	expect_refused(TEXT("env:PROVISO_UNIT_KEY"), "empty");
	ck_assert(!secret_is_available(TEXT("env:PROVISO_UNIT_KEY")));
}
END_TEST

START_TEST(a_key_comes_from_a_private_file)
{
	expect_key(key_file(TEXT("sk-unit-0002-abcdef"), 0600), "sk-unit-0002-abcdef");
	expect_key(key_file(TEXT("sk-unit-0002-abcdef\n"), 0400), "sk-unit-0002-abcdef");
	expect_key(key_file(TEXT("sk-unit-0002-abcdef\r\n"), 0600), "sk-unit-0002-abcdef");
}
END_TEST

START_TEST(a_file_that_others_may_read_is_refused)
{
	expect_refused(key_file(TEXT("sk-unit-0003-abcdef"), 0640), "chmod 600");
	expect_refused(key_file(TEXT("sk-unit-0003-abcdef"), 0604), "chmod 600");
	expect_refused(text_format(&arena, "file:%s", folder), "regular");
	expect_refused(text_format(&arena, "file:%s/absent", folder), "no key file");
	ck_assert(!secret_is_available(text_format(&arena, "file:%s/absent", folder)));
}
END_TEST

START_TEST(bytes_that_would_break_a_header_are_refused)
{
	expect_refused(key_file(TEXT("sk-unit-0004\nX-Evil: 1"), 0600), "line break");
	expect_refused(key_file(TEXT("sk-unit-0004-abcdef\n\n"), 0600), "line break");
	expect_refused(key_file(TEXT("sk-unit\0-0004"), 0600), "another byte");
	expect_refused(key_file(TEXT("sk unit 0004 abcdef"), 0600), "blank");
	expect_refused(key_file(TEXT("\n"), 0600), "empty");
	expect_refused(key_file(TEXT(""), 0600), "empty");
}
END_TEST

START_TEST(a_key_has_a_largest_size)
{
	struct text_buf key;

	text_buf_init(&key, SECRET_MAX_BYTES + 10);
	for (int i = 0; i < SECRET_MAX_BYTES; i++)
		text_buf_byte(&key, 'k');
	expect_key(key_file(text_buf_view(&key), 0600), key.data);
	text_buf_byte(&key, 'k');
	expect_refused(key_file(text_buf_view(&key), 0600), "too large");
	text_buf_done(&key);
}
END_TEST

static const struct text plain[] = {
    TEXT_INIT("sk-plain-0005-abcdef"),
    TEXT_INIT("env:sk-plain-0005-abcdef"),
    TEXT_INIT("env:"),
    TEXT_INIT("file:"),
    TEXT_INIT(""),
    TEXT_INIT("vault:sk-plain-0005-abcdef"), /* no field: no reference */
    TEXT_INIT("ENV:PLAIN_0005_ABCDEF"),
    TEXT_INIT("env:0plain0005abcdef0plain0005"),
    TEXT_INIT("env:abcdefplain0005abcdefabcdef"), /* a key of letters and digits */
};

START_TEST(a_key_itself_is_refused_and_not_repeated)
{
	struct secret *secret;
	struct fault fault;
	struct source source = {TEXT("c.yaml"),
	                        text_format(&arena, "api_key: %.*s\nx: 1\n", TEXT_ARG(plain[_i]))};
	struct place place = {&source, 9};

	ck_assert(!secret_load(plain[_i], place, &secret, &fault));
	ck_assert(strstr(fault.message, "0005") == NULL);
	ck_assert(strstr(fault.excerpt, "0005") == NULL);
	ck_assert_uint_eq(fault.line, 1);
	ck_assert_uint_eq(fault.column, 10);
	ck_assert(!secret_is_available(plain[_i]));
}
END_TEST

START_TEST(loaded_keys_are_masked_from_then_on)
{
	char echo[] = "the key sk-unit-0006-abcdef is wrong";

	(void)setenv("PROVISO_UNIT_KEY", "sk-unit-0006-abcdef", 1);
	expect_key(TEXT("env:PROVISO_UNIT_KEY"), "sk-unit-0006-abcdef");
	ck_assert(redact_bytes(echo, sizeof(echo) - 1));
	ck_assert_ptr_null(strstr(echo, "0006"));
	(void)unsetenv("PROVISO_UNIT_KEY");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_key_comes_from_a_variable);
	tcase_add_test(cases, a_key_comes_from_a_private_file);
	tcase_add_test(cases, a_file_that_others_may_read_is_refused);
	tcase_add_test(cases, bytes_that_would_break_a_header_are_refused);
	tcase_add_test(cases, a_key_has_a_largest_size);
	tcase_add_loop_test(cases, a_key_itself_is_refused_and_not_repeated, 0,
	                    (int)ARRAY_LENGTH(plain));
	tcase_add_test(cases, loaded_keys_are_masked_from_then_on);
}

int main(void)
{
	return unit_main("secret", add);
}
