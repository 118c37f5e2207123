/* Addresses of peers and ranges of them, IPv4 and IPv6 in one form. */
#ifndef PROVISO_BASE_IP_ADDRESS_H
#define PROVISO_BASE_IP_ADDRESS_H

#include "harness/base/text.h"

enum { IP_BYTES = 16, IP_TEXT_MAX = 45 };

struct ip_address {
	unsigned char bytes[IP_BYTES]; /* IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2) */
};

/* "10.1.2.3", "2001:db8::1"; no port, no brackets, no zone. */
MUST_CHECK bool ip_parse(struct text view, struct ip_address *out);
MUST_CHECK bool ip_is_v4(const struct ip_address *address);

struct ip_range {
	struct ip_address base;
	unsigned bits; /* of 128 that must be the same */
};

/* "10.0.0.0/8", "2001:db8::/32", or one address. */
MUST_CHECK bool ip_range_parse(struct text view, struct ip_range *out);
MUST_CHECK bool ip_range_holds(const struct ip_range *range, const struct ip_address *address);

#endif
