/*
 * Evidence: exchanges in append-only segment files, written whole, secrets masked
 * before writing, and read back byte for byte with their chunk times.
 *
 * evidence/000001.rec holds records one after the other: one line of JSON (what was sent to whom,
 * status, headers, times, the lengths of what follows), then the request's body bytes,
 * a newline, the response's body bytes, a newline. An evidence id is "000001:OFFSET".
 * A record cut by a crash is recognised and dropped when the folder is opened again.
 */
#ifndef PROVISO_PROVIDERS_RECORDING_H
#define PROVISO_PROVIDERS_RECORDING_H

#include "harness/base/file.h"
#include "providers/wire/exchange.h"

enum { RECORDING_SEGMENT_BYTES = 64 << 20 };

struct recording;

/* What an exchange was for; kept in the record's line. */
struct recording_label {
	struct text target, case_id, variant;
	int64_t trial, step, attempt;
};

/* Opens the folder for writing (made if absent), behind what is there. */
MUST_CHECK bool recording_open(const char *folder, struct recording **out, struct fault *fault);
/* Appends; `id` (arena) names the record. In the page cache when this returns: it survives kill -9.
 */
MUST_CHECK bool recording_add(struct recording *recording, const struct recording_label *label,
                              const struct exchange *exchange, struct arena *arena, struct text *id,
                              struct fault *fault);
/* fdatasync of what was added since the last one. */
MUST_CHECK bool recording_sync(struct recording *recording, struct fault *fault);
/*
 * The same left to another thread, which syncs and closes `out` while further records are added
 * here. `out->fd` is -1 where there is nothing to sync. What is handed out counts as synced here.
 */
MUST_CHECK bool recording_hand_out(struct recording *recording, struct file_log *out,
                                   struct fault *fault);
void recording_close(struct recording *recording);

/* One record, by folder and id; arena memory. */
MUST_CHECK bool recording_read(const char *folder, struct text id, struct arena *arena,
                               struct recording_label *label, struct exchange *out,
                               struct fault *fault);

#endif
