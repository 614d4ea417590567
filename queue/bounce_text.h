/* bounce_text.h - the texts of notices: what is built in, what stands in the files of the administrator. */
#ifndef BOUNCE_TEXT_H
#define BOUNCE_TEXT_H

#include "../lib/base.h"
#include "bounce.h"

/* Takes the header lines of a text off its front, with the empty line behind them. */
struct view bounce_text_header(struct view *text);

#endif
