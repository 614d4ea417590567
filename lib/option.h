/* option.h - configuration files read by a table: one row an option, from which come parsing (libconfuse is the
 * lexer), checking, defaults and printing. The rows of postrider itself stand in settings.c. */
#ifndef OPTION_H
#define OPTION_H

#include "base.h"
#include "arena.h"

enum option_type {
	OPTION_BOOL,		/* bool: true/yes/on/1, false/no/off/0 */
	OPTION_INT,		/* int64_t */
	OPTION_DURATION,	/* int64_t milliseconds: "30" (seconds), "500ms", "30s", "5m", "1h", "5d" */
	OPTION_SIZE,		/* int64_t bytes: "4096", "64k", "50M", "1G", "1T" */
	OPTION_STRING,		/* const char * */
	OPTION_CHOICE,		/* const char *, one of the choices */
	OPTION_ENUM,		/* an enum (int): the index of the choice */
	OPTION_LIST,		/* const char **, NULL-terminated */
};

struct option_row {
	const char *file;	/* "postrider.conf" */
	const char *section;	/* "" outside of sections */
	const char *name;
	enum option_type type;
	size_t at;		/* offset in the structure that is filled; in one of the variants when it varies */
	bool varies;		/* may stand in each section of the reader too, where it says otherwise than outside of them */
	const char *only;	/* of one that varies: it means something only to the section of that name and those that inherit from it */
	const char *preset;	/* the default as it would stand in the file; a list is separated by blanks */
	int64_t min, max;	/* of INT, DURATION (ms), SIZE */
	const char *choices;	/* of CHOICE and ENUM, separated by blanks */
	/* Of STRING and of each member of a LIST: NULL when VALUE is fine, else what is expected. */
	const char *(*check)(const char *value);
	const char *small_file;	/* a file whose first line gives the value too (qpsmtpd's way), or NULL */
	const char *(*small_value)(const char *line);	/* what a line of that file stands for; NULL: for itself */
	bool secret;		/* may hold a password: a wrong value is not shown */
	bool reloadable;	/* SIGHUP puts a change into force; else only a restart does */
	const char *help;
};

/* A section in which options may say otherwise; what it leaves out is as in its parent (an index; one before it). */
struct option_section {
	const char *name;	/* [0] is "": outside of sections */
	size_t parent;
};

/* One run over all files of a directory. Fill the first eight, zero the rest, call option_begin first and option_end
 * last. Problems are collected, so that all of them can be told at once. */
struct option_reader {
	const struct option_row *rows;
	size_t count;
	void *base;		/* the structure */
	struct arena *arena;	/* what the structure points to lives here */
	const struct option_section *sections;
	size_t section_count;	/* at least 1 when a row varies */
	void *variants;		/* one structure a section, for the rows that vary */
	size_t variant_size;

	struct arena *scratch;	/* what only the run needs */
	bool *given;		/* by section and row (option.c: given_at): some file sets it */
	struct option_problem *problems;
	size_t problem_count, warning_count;
	struct option_unknown *unknown;
	const char *path;	/* of the file being read */
	const char *file;
	size_t first_problem;	/* of that file */
	bool again;		/* another pass over it can tell more */
};

/* Sets every default. A default that its own row does not accept is a bug(). */
void option_begin(struct option_reader *r);
/* Reads the file DIR/FILE with the rows that belong to it; one that does not exist changes nothing. */
void option_read_file(struct option_reader *r, const char *dir, const char *file);
/* Reads the small files DIR/small_file for options that no other file has set. */
void option_read_small(struct option_reader *r, const char *dir);
/* When all files are read: sections take what they do not say from their parents. */
void option_inherit(struct option_reader *r);
/* Whether some file sets the option NAME, which varies, in section K. */
bool option_given(const struct option_reader *r, size_t k, const char *name);
/* From now on it counts as given there: the caller has set it. */
void option_decided(struct option_reader *r, size_t k, const char *name);
/* Notes a problem found elsewhere (LINE 0: none). */
void option_problem(struct option_reader *r, const char *path, unsigned line, const char *format, ...) PRINTFLIKE(4, 5);
/* Tells each problem, "FILE:LINE: NAME: found ..., expected ...", in the order of files and lines; true when there
 * was none. EACH may be NULL. The reader is of no further use. */
bool option_end(struct option_reader *r, void (*each)(void *arg, const char *problem), void *arg);
/* What is odd and no problem: an option given twice, of which the later counts. NULL-terminated, the arena's. */
const char **option_warnings(struct option_reader *r);

/* Prints the value of ROW in BASE (the structure, or the variant) in the files' syntax: `name = "value"`. */
void option_print(const struct option_row *row, const void *base, FILE *out);
/* Whether the value is the default; whether it is the same in A and B. */
bool option_is_preset(const struct option_row *row, const void *base);
bool option_is_same(const struct option_row *row, const void *a, const void *b);
const char *option_type_name(enum option_type type);

/* The notations of numbers, for command lines too: false when TEXT is none (or too big for int64_t). */
bool option_parse_duration(const char *text, int64_t *ms) MUST_CHECK;
bool option_parse_size(const char *text, int64_t *bytes) MUST_CHECK;
#define OPTION_NUMBER_SIZE 32
char *option_format_duration(int64_t ms, char out[OPTION_NUMBER_SIZE]);
char *option_format_size(int64_t bytes, char out[OPTION_NUMBER_SIZE]);

#endif
