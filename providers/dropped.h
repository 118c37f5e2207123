/*
 * What of a request has no place in the format that it is put into, by the names that the client
 * gave it: "seed", "messages.name". Told to the client, never lost in silence.
 */
#ifndef PROVISO_PROVIDERS_DROPPED_H
#define PROVISO_PROVIDERS_DROPPED_H

#include "harness/base/json.h"
#include "harness/base/settings.h"

enum { DROPPED_MAX = 64 }; /* further ones are not listed */

struct dropped {
	struct text items[DROPPED_MAX];
	size_t count;
};

/* Each name once; copied into the arena. */
void dropped_add(struct dropped *dropped, struct arena *arena, struct text name);
/* The members of `object` that are not null and not among `carried` (NULL-terminated), as
 * WHERE.NAME, or as NAME where `where` is NULL. */
void dropped_add_others(struct dropped *dropped, struct arena *arena, const struct json *object,
                        const char *where, const char *const *carried);
/* In the arena. */
MUST_CHECK struct text_list dropped_list(const struct dropped *dropped, struct arena *arena);

#endif
