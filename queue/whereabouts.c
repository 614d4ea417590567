/* whereabouts.c - see whereabouts.h: open addressing, at most half full. */
#include "whereabouts.h"

#include "../lib/err.h"

#define FIRST_SIZE 1024

/* The place of DOMAIN, or the free one where it belongs. */
static size_t find(const struct whereabouts *w, uint32_t domain)
{
	size_t i = domain * 2654435769u & (w->size - 1);

	while (w->at[i][0] && w->at[i][0] != domain)
		i = (i + 1) & (w->size - 1);
	return i;
}

static void resize(struct whereabouts *w, size_t size)
{
	struct whereabouts old = *w;

	w->at = calloc(size, sizeof(*w->at));
	if (!w->at)
		bug("no memory for the whereabouts of domains");
	w->size = size;
	for (size_t i = 0; i < old.size; i++)
		if (old.at[i][0])
			memcpy(w->at[find(w, old.at[i][0])], old.at[i], sizeof(old.at[i]));
	free(old.at);
}

void whereabouts_set(struct whereabouts *w, uint32_t domain, uint32_t site)
{
	if (w->count >= WHEREABOUTS_MAX)
		whereabouts_free(w);
	if (2 * (w->count + 1) > w->size)
		resize(w, w->size ? 2 * w->size : FIRST_SIZE);
	size_t i = find(w, domain);

	w->count += w->at[i][0] == 0;
	w->at[i][0] = domain;
	w->at[i][1] = site;
}

uint32_t whereabouts_get(const struct whereabouts *w, uint32_t domain)
{
	return w->size ? w->at[find(w, domain)][1] : 0;
}

void whereabouts_free(struct whereabouts *w)
{
	free(w->at);
	*w = (struct whereabouts){ 0 };
}
