/* Counting passes that are too old, and telling of them; see stale.h. */
#include "proxy/live/stale.h"

#include "harness/base/digest.h"
#include "harness/base/json_write.h"
#include "harness/base/log.h"
#include "proxy/alert.h"

#include <stdio.h>

enum { LOOK_MS = 60 * 1000, PRICES_TOLD_MAX = 20 };

static bool is_configured(const struct snapshot *snapshot, struct text target)
{
	for (size_t i = 0; i < router_target_count(snapshot->router); i++)
		if (text_equal(router_target(snapshot->router, i)->name, target))
			return true;
	return false;
}

/* The cells of the matrix stand by their target. */
void stale_count(const struct snapshot *snapshot, int64_t now_wall_ms, struct stale_sum *out)
{
	const struct matrix *matrix = &snapshot->matrix;
	struct text target = {NULL, 0};
	bool counts = false;

	*out = (struct stale_sum){.oldest_wall_ms = -1};
	for (size_t i = 0; i < matrix->count; i++) {
		const struct matrix_cell *cell = &matrix->cells[i];
		if (target.data == NULL || !text_equal(cell->target, target)) {
			target = cell->target;
			counts = is_configured(snapshot, target);
		}
		if (!counts || cell->verdict != VERDICT_PASS)
			continue;
		out->passes++;
		out->stale +=
		    now_wall_ms - cell->tested_wall_ms > snapshot->config.policy.max_age_ms;
		if (out->oldest_wall_ms < 0 || cell->tested_wall_ms < out->oldest_wall_ms)
			out->oldest_wall_ms = cell->tested_wall_ms;
	}
}

static void tell(struct proxy *proxy, const char *hash, const struct stale_sum *sum)
{
	struct arena scratch = {0};
	struct text_buf data;

	struct text oldest = wall_format(&scratch, sum->oldest_wall_ms, false);
	log_warn("proxy.matrix_stale",
	         "matrix=%s stale=%zu passes=%zu oldest=%.*s: what they proved is served no more",
	         hash, sum->stale, sum->passes, TEXT_ARG(oldest));
	text_buf_init(&data, ALERT_DATA_MAX_BYTES);
	(void)text_buf_format(&data,
	                      "\"matrix\":\"%s\",\"stale\":%zu,\"passes\":%zu,\"oldest\":\"%.*s\"",
	                      hash, sum->stale, sum->passes, TEXT_ARG(oldest));
	alert_send(proxy->alerter, ALERT_MATRIX_STALE, text_buf_view(&data));
	text_buf_done(&data);
	arena_done(&scratch);
}

static void tell_prices(struct proxy *proxy)
{
	const struct router *router = proxy->current->router;
	int64_t now_wall_ms = loop_wall_ms(proxy->loop);
	size_t count = router_target_count(router), told = 0;
	struct arena scratch = {0};
	struct text *notes = ARENA_NEW_ARRAY(&scratch, struct text, count);
	struct digest digest;
	char hex[DIGEST_HEX + 1];

	digest_init(&digest);
	for (size_t i = 0; i < count; i++) {
		const struct target *target = router_target(router, i);
		notes[i] =
		    provider_price_note(target->provider, target->model, now_wall_ms, &scratch);
		digest_add_field(&digest, target->name);
		digest_add_field(&digest, notes[i]);
	}
	digest_done_hex(&digest, hex);
	bool news = strcmp(hex, proxy->prices_told) != 0;
	memcpy(proxy->prices_told, hex, sizeof(hex));
	for (size_t i = 0; i < count && news; i++)
		if (notes[i].data != NULL && told++ < PRICES_TOLD_MAX)
			log_warn("proxy.price", "target=%.*s: %.*s",
			         TEXT_ARG(router_target(router, i)->name), TEXT_ARG(notes[i]));
	if (told > PRICES_TOLD_MAX)
		log_warn("proxy.price", "the same of %zu more targets", told - PRICES_TOLD_MAX);
	arena_done(&scratch);
}

static void look(void *context)
{
	stale_look(context);
}

void stale_look(struct proxy *proxy)
{
	const char *hash = router_matrix_hash(proxy->current->router);
	struct stale_sum sum;

	tell_prices(proxy);
	stale_count(proxy->current, loop_wall_ms(proxy->loop), &sum);
	if (sum.stale == 0) {
		proxy->stale_told[0] = '\0';
	} else if (strcmp(proxy->stale_told, hash) != 0) {
		(void)snprintf(proxy->stale_told, sizeof(proxy->stale_told), "%s", hash);
		tell(proxy, hash, &sum);
	}
	loop_timer_start(proxy->loop, &proxy->stale_timer, LOOK_MS, look, proxy);
}

void stale_end(struct proxy *proxy)
{
	loop_timer_stop(proxy->loop, &proxy->stale_timer);
}
