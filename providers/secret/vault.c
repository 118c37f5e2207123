/* See vault.h. One lock around all of it: who waits for Vault waits in turn. */
#include "harness/base/json_write.h"
#include "harness/base/log.h"
#include "harness/base/redact.h"
#include "providers/secret/vault_private.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct entry {
	struct text reference; /* owned */
	struct text value;     /* owned; data NULL: never read */
	int64_t version;
	int64_t read_ms; /* when that was tried last */
	bool failed;     /* the last time */
};

static struct {
	pthread_mutex_t lock;
	struct entry entries[VAULT_MAX_SECRETS];
	size_t count;
	int64_t reads, failures;
	bool silent; /* there was no answer, the last time */
	/* Who asks; NULL: nobody yet. */
	struct secret *token;
	bool by_role;     /* it came of a login */
	bool renewable;   /* as far as is known */
	int64_t got_ms;   /* when the token was got or renewed */
	int64_t lease_ms; /* from then on; 0: not known, or for ever */
} vault = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int64_t now_ms(void)
{
	struct timespec now;

	REQUIRE(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct text own(struct text bytes)
{
	char *copy = memory_new(bytes.len + 1);

	memcpy(copy, bytes.data, bytes.len);
	return (struct text){copy, bytes.len};
}

static void disown(struct text *bytes)
{
	char *data = (char *)(uintptr_t)bytes->data;

	if (data != NULL)
		explicit_bzero(data, bytes->len);
	memory_free(data);
	*bytes = (struct text){NULL, 0};
}

static void wipe(struct text_buf *buf)
{
	if (buf->data != NULL)
		explicit_bzero(buf->data, buf->len);
	text_buf_done(buf);
}

/* --- references --------------------------------------------------------------------------- */

/* "secret/team/openai#key": mount, path, field. */
static bool split(struct text reference, struct text *mount, struct text *path, struct text *field)
{
	size_t hash = text_find_byte(reference, '#', 0);
	size_t slash = text_find_byte(reference, '/', 0);

	if (hash == TEXT_NOT_FOUND || slash == TEXT_NOT_FOUND || slash > hash)
		return false;
	*mount = text_slice(reference, 0, slash);
	*path = text_slice(reference, slash + 1, hash);
	*field = text_slice(reference, hash + 1, reference.len);
	return mount->len > 0 && path->len > 0 && field->len > 0;
}

bool vault_is_reference(struct text reference)
{
	enum { REFERENCE_MAX_BYTES = 1024 };
	struct text mount, path, field;

	if (reference.len > REFERENCE_MAX_BYTES || !split(reference, &mount, &path, &field))
		return false;
	/* It goes into a URL. */
	for (size_t i = 0; i < reference.len; i++) {
		char c = reference.data[i];

		if (c <= 0x20 || c >= 0x7f || strchr("?%\\\"<>", c) != NULL)
			return false;
	}
	return text_find(reference, TEXT(".."), 0) == TEXT_NOT_FOUND &&
	       text_find_byte(field, '#', 0) == TEXT_NOT_FOUND;
}

static struct entry *entry_of(struct text reference)
{
	for (size_t i = 0; i < vault.count; i++)
		if (text_equal(vault.entries[i].reference, reference))
			return &vault.entries[i];
	return NULL;
}

/* The same, made where there is none; NULL: there are too many. */
static struct entry *entry_made(struct text reference)
{
	struct entry *entry = entry_of(reference);

	if (entry != NULL || vault.count == VAULT_MAX_SECRETS)
		return entry;
	entry = &vault.entries[vault.count++];
	*entry = (struct entry){.reference = own(reference)};
	return entry;
}

/* --- who asks ----------------------------------------------------------------------------- */

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

static void token_forget(void)
{
	secret_free(vault.token);
	vault.token = NULL;
	vault.lease_ms = 0;
}

/* Of an answer with `auth`: a login's, or a renewal's. */
static void note_lease(const struct json *auth)
{
	int64_t seconds;

	vault.renewable = json_truth(auth, "renewable", false);
	vault.lease_ms =
	    json_integer(auth, "lease_duration", 0, INT32_MAX, &seconds) ? seconds * 1000 : 0;
	vault.got_ms = now_ms();
}

static void write_login(struct text_buf *body, const char *role, const char *secret_id)
{
	struct json_writer json;

	(void)redact_remember(text_of(secret_id));
	json_writer_init(&json, body, false);
	json_write_object(&json);
	json_write_member_c(&json, "role_id", role);
	json_write_member_c(&json, "secret_id", secret_id == NULL ? "" : secret_id);
	json_write_object_end(&json);
}

static bool login(const char *role, struct fault *fault)
{
	const char *secret_id = variable("VAULT_SECRET_ID");
	struct arena arena = {0};
	struct text_buf body, bytes;
	const struct json *root;
	int status;

	text_buf_init(&body, 64 << 10);
	text_buf_init(&bytes, 1 << 20);
	write_login(&body, role, secret_id);
	const struct vault_ask ask = {
	    .method = "POST", .path = "/v1/auth/approle/login", .body = text_buf_view(&body)};
	bool good = vault_exchange(&ask, &arena, &bytes, &status, &root, fault);
	vault.silent = !good;
	struct text token =
	    good ? json_string(json_member(root, "auth"), "client_token") : TEXT("");
	if (good && (status != 200 || token.len == 0))
		good = vault_refused("the login by AppRole", status, root, fault);
	if (good) {
		vault.token = secret_from_bytes(token);
		vault.by_role = true;
		note_lease(json_member(root, "auth"));
	}
	wipe(&body);
	wipe(&bytes);
	arena_done(&arena);
	return good;
}

static bool token_from_file(const char *path, struct fault *fault)
{
	struct place nowhere = {NULL, 0};
	struct arena arena = {0};
	bool good = secret_load(text_format(&arena, "file:%s", path), nowhere, &vault.token, fault);

	arena_done(&arena);
	return good;
}

/* The token that is there, or one that is got now. */
static bool sign_in(struct fault *fault)
{
	const char *token = variable("VAULT_TOKEN");
	const char *file = variable("VAULT_TOKEN_FILE");
	const char *role = variable("VAULT_ROLE_ID");
	const char *home = variable("HOME");
	struct arena arena = {0};

	if (vault.token != NULL)
		return true;
	vault.by_role = false;
	vault.renewable = true; /* until Vault says that it is not */
	vault.got_ms = now_ms();
	vault.lease_ms = 0;
	if (token != NULL) {
		vault.token = secret_from_bytes(text_of(token));
		return true;
	}
	if (file != NULL)
		return token_from_file(file, fault);
	if (role != NULL)
		return login(role, fault);
	bool good =
	    home != NULL &&
	    token_from_file(text_c(&arena, text_format(&arena, "%s/.vault-token", home)), fault);
	arena_done(&arena);
	return good || fault_set(fault, FAULT_INPUT,
	                         "nothing says who asks Vault: set VAULT_TOKEN, VAULT_TOKEN_FILE, "
	                         "or VAULT_ROLE_ID and VAULT_SECRET_ID");
}

/* When half of its lease is over; a token of unknown lease at every round. */
static void renew_if_due(void)
{
	struct arena arena = {0};
	struct text_buf bytes;
	const struct json *root;
	struct fault fault;
	int status = 0;

	if (vault.token == NULL || !vault.renewable ||
	    (vault.lease_ms > 0 && now_ms() - vault.got_ms < vault.lease_ms / 2))
		return;
	const struct vault_ask ask = {.method = "POST",
	                              .path = "/v1/auth/token/renew-self",
	                              .token = vault.token,
	                              .body = TEXT("{}")};
	text_buf_init(&bytes, 1 << 20);
	bool answered = vault_exchange(&ask, &arena, &bytes, &status, &root, &fault);
	if (answered && status == 200) {
		note_lease(json_member(root, "auth"));
	} else if (answered && status < 500) {
		log_info("vault.token", "renewed=no status=%d", status);
		vault.renewable = false;
		if (vault.by_role)
			token_forget(); /* the next read logs in again */
	}
	wipe(&bytes);
	arena_done(&arena);
}

/* --- reading ------------------------------------------------------------------------------ */

/* A deleted version is a 404 that still tells of it. */
static bool not_there(int status, const struct json *root, struct fault *fault)
{
	const struct json *metadata = json_member(json_member(root, "data"), "metadata");

	if (status == 404 && json_string(metadata, "deletion_time").len > 0)
		return fault_set(fault, FAULT_SYSTEM, "the secret was deleted in Vault");
	if (status == 404 && json_truth(metadata, "destroyed", false))
		return fault_set(fault, FAULT_SYSTEM, "the secret was destroyed in Vault");
	return vault_refused("the read", status, root, fault);
}

static bool take_value(struct entry *entry, struct text field, const struct json *root,
                       struct fault *fault)
{
	const struct json *data = json_member(root, "data");
	const struct json *value = json_member_text(json_member(data, "data"), field);
	int64_t version;

	if (!json_is(json_member(data, "data"), JSON_OBJECT))
		return fault_set(fault, FAULT_SYSTEM,
		                 "Vault's answer is no secret of the KV engine, version 2");
	if (!json_is(value, JSON_STRING) || value->text.len == 0)
		return fault_set(fault, FAULT_SYSTEM,
		                 "the secret in Vault has no text in field %.*s", TEXT_ARG(field));
	if (value->text.len > SECRET_MAX_BYTES)
		return fault_set(fault, FAULT_SYSTEM, "the secret in Vault is too long for a key");
	if (!json_integer(json_member(data, "metadata"), "version", 0, INT64_MAX, &version))
		version = 0;
	entry->version = version;
	if (text_equal(entry->value, value->text))
		return true;
	disown(&entry->value);
	entry->value = own(value->text);
	return true;
}

/* `denied` is set where the token was not taken. */
static bool ask_once(struct entry *entry, bool *denied, struct fault *fault)
{
	struct text mount, path, field;
	struct arena arena = {0};
	struct text_buf bytes;
	const struct json *root;
	int status;

	*denied = false;
	if (!split(entry->reference, &mount, &path, &field) || !sign_in(fault))
		return false;
	const struct vault_ask ask = {
	    .method = "GET",
	    .path = text_c(
		&arena, text_format(&arena, "/v1/%.*s/data/%.*s", TEXT_ARG(mount), TEXT_ARG(path))),
	    .token = vault.token,
	};
	text_buf_init(&bytes, 1 << 20);
	bool good = vault_exchange(&ask, &arena, &bytes, &status, &root, fault);
	vault.silent = !good;
	if (good && status != 200) {
		*denied = status == 403;
		good = not_there(status, root, fault);
	} else if (good) {
		good = take_value(entry, field, root, fault);
	}
	wipe(&bytes);
	arena_done(&arena);
	return good;
}

/* Reads it now. A token that is no longer taken is got anew once, where that can be done. */
static bool read_now(struct entry *entry, struct fault *fault)
{
	bool denied, had_token = vault.token != NULL;
	bool good = ask_once(entry, &denied, fault);

	if (denied) {
		token_forget(); /* the file may hold another one by now */
		if (had_token)
			good = ask_once(entry, &denied, fault);
	}
	vault.reads++;
	vault.failures += !good;
	entry->read_ms = now_ms();
	entry->failed = !good;
	return good;
}

static bool read_kept(struct text reference, struct text_buf *out, struct fault *fault)
{
	struct entry *entry = entry_made(reference);

	if (entry == NULL)
		return fault_set(fault, FAULT_INPUT, "more than %d secrets are asked of Vault",
		                 VAULT_MAX_SECRETS);
	/* One that is there is vault_refresh's to read again. */
	if (entry->value.data == NULL && !read_now(entry, fault))
		return false;
	return text_buf_add(out, entry->value) ||
	       fault_set(fault, FAULT_INPUT, "the secret in Vault is too long for a key");
}

bool vault_read(struct text reference, struct text_buf *out, struct fault *fault)
{
	(void)pthread_mutex_lock(&vault.lock);
	bool good = read_kept(reference, out, fault);
	(void)pthread_mutex_unlock(&vault.lock);
	return good;
}

bool vault_may_have(struct text reference)
{
	(void)pthread_mutex_lock(&vault.lock);
	const struct entry *entry = entry_of(reference);
	bool has = entry == NULL ? variable("VAULT_ADDR") != NULL : entry->value.data != NULL;
	(void)pthread_mutex_unlock(&vault.lock);
	return has;
}

static bool is_due(const struct entry *entry)
{
	return now_ms() - entry->read_ms >= (entry->failed ? VAULT_RETRY_MS : VAULT_FRESH_MS);
}

bool vault_refresh(bool all)
{
	bool changed = false;

	(void)pthread_mutex_lock(&vault.lock);
	if (vault.count > 0)
		renew_if_due();
	for (size_t i = 0; i < vault.count; i++) {
		struct entry *entry = &vault.entries[i];
		struct text before = entry->value;
		struct fault fault;

		if (!all && !is_due(entry))
			continue;
		/* A new value is a new copy. */
		bool good = read_now(entry, &fault);
		if (!good)
			log_warn("vault.read_failed", "path=%.*s kept=%s reason=%s",
			         TEXT_ARG(entry->reference),
			         before.data == NULL ? "nothing" : "last", fault.message);
		if (!good && vault.silent)
			break; /* nor will it for the others */
		if (entry->value.data != before.data)
			log_info("vault.read", "path=%.*s version=%lld", TEXT_ARG(entry->reference),
			         (long long)entry->version);
		changed |= entry->value.data != before.data;
	}
	(void)pthread_mutex_unlock(&vault.lock);
	return changed;
}

void vault_facts(struct vault_facts *out)
{
	(void)pthread_mutex_lock(&vault.lock);
	*out = (struct vault_facts){vault.reads, vault.failures, (int64_t)vault.count, 0};
	for (size_t i = 0; i < vault.count; i++)
		out->stale += vault.entries[i].failed;
	(void)pthread_mutex_unlock(&vault.lock);
}

void vault_forget_all(void)
{
	(void)pthread_mutex_lock(&vault.lock);
	for (size_t i = 0; i < vault.count; i++) {
		disown(&vault.entries[i].reference);
		disown(&vault.entries[i].value);
	}
	vault.count = 0;
	vault.reads = vault.failures = 0;
	token_forget();
	(void)pthread_mutex_unlock(&vault.lock);
}
