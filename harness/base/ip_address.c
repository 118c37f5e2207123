/* Reading addresses; see ip_address.h. */
#include "harness/base/ip_address.h"

#include <arpa/inet.h>

enum { V4_OFFSET = 12, V4_BITS = 32, ALL_BITS = 8 * IP_BYTES };

static const unsigned char mapped[V4_OFFSET] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool ip_parse(struct text view, struct ip_address *out)
{
	char copy[IP_TEXT_MAX + 1];

	if (view.len == 0 || view.len > IP_TEXT_MAX ||
	    text_find_byte(view, '\0', 0) != TEXT_NOT_FOUND)
		return false;
	memcpy(copy, view.data, view.len);
	copy[view.len] = '\0';
	if (inet_pton(AF_INET6, copy, out->bytes) == 1)
		return true;
	memcpy(out->bytes, mapped, sizeof(mapped));
	return inet_pton(AF_INET, copy, out->bytes + V4_OFFSET) == 1;
}

bool ip_is_v4(const struct ip_address *address)
{
	return memcmp(address->bytes, mapped, sizeof(mapped)) == 0;
}

bool ip_range_parse(struct text view, struct ip_range *out)
{
	size_t slash = text_find_byte(view, '/', 0);
	int64_t bits;

	if (!ip_parse(text_slice(view, 0, slash), &out->base))
		return false;
	out->bits = ALL_BITS;
	if (slash == TEXT_NOT_FOUND)
		return true;
	bool short_form = text_find_byte(view, ':', 0) == TEXT_NOT_FOUND;
	if (!text_to_int64(text_slice(view, slash + 1, view.len), 0,
	                   short_form ? V4_BITS : ALL_BITS, &bits))
		return false;
	out->bits = (unsigned)bits + (short_form ? ALL_BITS - V4_BITS : 0);
	return true;
}

bool ip_range_holds(const struct ip_range *range, const struct ip_address *address)
{
	size_t whole = range->bits / 8;
	unsigned rest = range->bits % 8;

	if (memcmp(range->base.bytes, address->bytes, whole) != 0)
		return false;
	return rest == 0 || (range->base.bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}
