#include "extxyz.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elements.h"

#define MOST_ATOMS 1000000000 /* beyond, the count is a mistake */
#define FARTHEST 1e8          /* Å; beyond, a position is a mistake */

struct extxyz_file {
    FILE *stream;
    char *path, *line;
    size_t capacity;
    long number; /* of the line read last */
};

/* Which columns of a line of an atom hold what, from 0; -1 if none does. */
typedef struct {
    int n_columns, species, position, force;
} columns;

static int fail(const extxyz_file *file, const char *what, const char *detail)
{
    fprintf(stderr, "%s:%ld: %s%s\n", file->path, file->number, what, detail);
    return -1;
}

/* ---- lines -------------------------------------------------------------------------------------------- */

/* Read a line without its end into file->line. Returns 1; 0 at the end of the file; -1 on failure. */
static int read_line(extxyz_file *file)
{
    size_t length = 0;
    int c;
    while ((c = getc(file->stream)) != EOF) {
        if (length + 1 >= file->capacity) {
            const size_t capacity = 2 * file->capacity + 256;
            char *line = realloc(file->line, capacity);
            if (!line) return fail(file, "out of memory", "");
            file->line = line;
            file->capacity = capacity;
        }
        if (c == '\n') break;
        file->line[length++] = (char)c;
    }
    if (ferror(file->stream)) return fail(file, "cannot read on: ", strerror(errno));
    if (c == EOF && length == 0) return 0;
    if (length && file->line[length - 1] == '\r') --length;
    file->line[length] = '\0';
    ++file->number;
    return 1;
}

static char *skip_blanks(char *text)
{
    while (*text == ' ' || *text == '\t') ++text;
    return text;
}

/* Cut off the next word; returns NULL if there is none. */
static char *next_word(char **rest)
{
    char *word = skip_blanks(*rest);
    if (!*word) return NULL;
    *rest = word + strcspn(word, " \t");
    if (**rest) *(*rest)++ = '\0';
    return word;
}

/* ---- values ------------------------------------------------------------------------------------------- */

/* A finite number; returns whether the whole word is one. */
static int read_number(const char *word, double *number)
{
    char *end;
    *number = strtod(word, &end);
    return end != word && !*end && isfinite(*number);
}

/* Numbers separated by blanks, commas or brackets. Returns how many there are, at most `most`; -1 if one is none. */
static int read_numbers(char *text, double *numbers, int most)
{
    int count = 0;
    for (char *c = text; *c; ++c)
        if (strchr(",[]", *c)) *c = ' ';
    for (char *word; (word = next_word(&text));)
        if (count == most || !read_number(word, &numbers[count++])) return -1;
    return count;
}

/* Truth of three directions, as in pbc="T T F". */
static int read_periodic(char *text, int32_t *periodic)
{
    for (int axis = 0; axis < 3; ++axis) {
        const char *word = next_word(&text);
        if (!word || !strchr("TtFf10", *word)) return 0;
        periodic[axis] = strchr("Tt1", *word) != NULL;
    }
    return next_word(&text) == NULL;
}

/* Columns, as in Properties=species:S:1:pos:R:3. */
static int read_columns(char *text, columns *result)
{
    *result = (columns){0, -1, -1, -1};
    for (char *name = text; name;) {
        char *kind = strchr(name, ':'), *size = kind ? strchr(kind + 1, ':') : NULL;
        if (!size) return 0;
        *kind = *size++ = '\0';
        char *end;
        const long count = strtol(size, &end, 10);
        if (end == size || (*end && *end != ':') || count < 1 || count > 1000) return 0;
        if (strcmp(name, "species") == 0 && count == 1) result->species = result->n_columns;
        if (strcmp(name, "pos") == 0 && count == 3) result->position = result->n_columns;
        if ((strcmp(name, "forces") == 0 || strcmp(name, "force") == 0) && count == 3) result->force = result->n_columns;
        result->n_columns += (int)count;
        name = *end ? end + 1 : NULL;
    }
    return result->species >= 0 && result->position >= 0;
}

/* ---- the line of key=value pairs ---------------------------------------------------------------------- */

/* Cut off the next key and its value, which may be in quotes or brackets; a key alone is true. Returns 1, 0 at the end, or -1
 * if a quote is not closed. */
static int next_pair(char **rest, char **key, char **value)
{
    static char truth[] = "T";
    *key = skip_blanks(*rest);
    if (!**key) return 0;
    char *end = *key + strcspn(*key, "= \t");
    if (*end != '=') {
        *rest = *end ? end + 1 : end;
        *end = '\0';
        *value = truth;
        return 1;
    }
    *end = '\0';
    *value = end + 1;
    const char *open = **value ? strchr("\"'[{", **value) : NULL;
    if (open) {
        const char close[] = {"\"']}"[strchr("\"'[{", *open) - "\"'[{"], '\0'};
        ++*value;
        end = *value + strcspn(*value, close);
        if (!*end) return -1;
    } else {
        end = *value + strcspn(*value, " \t");
    }
    *rest = *end ? end + 1 : end;
    *end = '\0';
    return 1;
}

/* Six numbers are xx yy zz yz xz xy. */
static int read_stress(char *text, double *stress)
{
    const int count = read_numbers(text, stress, 9);
    if (count == 6) {
        const double v[6] = {stress[0], stress[1], stress[2], stress[3], stress[4], stress[5]};
        const double full[9] = {v[0], v[5], v[4], v[5], v[1], v[3], v[4], v[3], v[2]};
        memcpy(stress, full, sizeof full);
    }
    return count == 6 || count == 9;
}

static int read_pairs(extxyz_file *file, extxyz_frame *frame, columns *column)
{
    char *rest = file->line, *key, *value;
    int has_lattice = 0, has_periodic = 0, more;
    *column = (columns){4, 0, 1, -1};
    while ((more = next_pair(&rest, &key, &value)) > 0) {
        if (strcmp(key, "Lattice") == 0) {
            if (read_numbers(value, frame->cell, 9) != 9) return fail(file, "Lattice is not nine numbers", "");
            has_lattice = 1;
        } else if (strcmp(key, "pbc") == 0) {
            if (!read_periodic(value, frame->periodic)) return fail(file, "pbc is not like \"T T F\"", "");
            has_periodic = 1;
        } else if (strcmp(key, "Properties") == 0) {
            if (!read_columns(value, column)) return fail(file, "Properties is not like species:S:1:pos:R:3", "");
        } else if (strcmp(key, "energy") == 0) {
            if (!read_number(value, &frame->energy)) return fail(file, "energy is not a number: ", value);
            frame->has_energy = 1;
        } else if (strcmp(key, "stress") == 0) {
            if (!read_stress(value, frame->stress)) return fail(file, "stress is neither nine numbers nor six", "");
            frame->has_stress = 1;
        }
    }
    if (more < 0) return fail(file, "a quote or bracket is not closed", "");
    if (!has_periodic) frame->periodic[0] = frame->periodic[1] = frame->periodic[2] = has_lattice;
    return 0;
}

/* ---- frames ------------------------------------------------------------------------------------------- */

static int read_atom(extxyz_file *file, extxyz_frame *frame, int64_t atom, const columns *column)
{
    char *rest = file->line, *word;
    for (int k = 0; k < column->n_columns; ++k) {
        if (!(word = next_word(&rest))) return fail(file, "the line has too few columns", "");
        double *number = NULL;
        if (k >= column->position && k < column->position + 3) number = frame->position + 3 * atom + k - column->position;
        if (column->force >= 0 && k >= column->force && k < column->force + 3)
            number = frame->force + 3 * atom + k - column->force;
        if (number && !read_number(word, number)) return fail(file, "not a number: ", word);
        if (k != column->species) continue;
        frame->atomic_number[atom] = element_number(word);
        if (!frame->atomic_number[atom]) return fail(file, "not a chemical symbol: ", word);
    }
    if (next_word(&rest)) return fail(file, "the line has too many columns", "");
    for (int k = 0; k < 3; ++k)
        if (fabs(frame->position[3 * atom + k]) > FARTHEST) return fail(file, "the atom is out of reach", "");
    return 0;
}

/* Room for so many atoms; it grows with those read, whatever number the file claims. Returns 0, or -1. */
static int make_room(extxyz_frame *frame, int64_t n_atoms, int has_force)
{
    const size_t bytes = (size_t)n_atoms * 3 * sizeof(double);
    int32_t *numbers = realloc(frame->atomic_number, (size_t)n_atoms * sizeof *numbers);
    if (numbers) frame->atomic_number = numbers;
    double *position = realloc(frame->position, bytes), *force = has_force ? realloc(frame->force, bytes) : NULL;
    if (position) frame->position = position;
    if (force) frame->force = force;
    return numbers && position && (force || !has_force) ? 0 : -1;
}

static int read_frame(extxyz_file *file, extxyz_frame *frame)
{
    char *end;
    const long count = strtol(file->line, &end, 10);
    if (end == file->line || *skip_blanks(end) || count < 1 || count > MOST_ATOMS)
        return fail(file, "a frame begins with its number of atoms, not with: ", file->line);
    columns column;
    int status = read_line(file);
    if (status == 0) return fail(file, "the file ends within a frame", "");
    if (status < 0 || read_pairs(file, frame, &column)) return -1;
    int64_t room = 0;
    for (int64_t atom = 0; atom < count; ++atom) {
        if (atom == room) {
            room = count < 1024 || 2 * room > count ? count : 2 * room + 1024;
            if (make_room(frame, room, column.force >= 0)) return fail(file, "out of memory", "");
        }
        status = read_line(file);
        if (status == 0) return fail(file, "the file ends within a frame", "");
        if (status < 0 || read_atom(file, frame, atom, &column)) return -1;
    }
    frame->n_atoms = count;
    return 1;
}

extxyz_file *extxyz_open(const char *path)
{
    extxyz_file *file = calloc(1, sizeof *file);
    if (file && (file->path = malloc(strlen(path) + 1))) strcpy(file->path, path);
    if (!file || !file->path) {
        fprintf(stderr, "%s: out of memory\n", path);
    } else if ((file->stream = fopen(path, "r"))) {
        return file;
    } else {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
    }
    extxyz_close(file);
    return NULL;
}

int extxyz_read(extxyz_file *file, extxyz_frame *frame)
{
    int status;
    memset(frame, 0, sizeof *frame);
    do {
        if ((status = read_line(file)) <= 0) return status;
    } while (!*skip_blanks(file->line)); /* blank lines between frames */
    status = read_frame(file, frame);
    if (status < 0) extxyz_free(frame);
    return status;
}

void extxyz_free(extxyz_frame *frame)
{
    free(frame->atomic_number);
    free(frame->position);
    free(frame->force);
    memset(frame, 0, sizeof *frame);
}

void extxyz_close(extxyz_file *file)
{
    if (!file) return;
    if (file->stream) fclose(file->stream);
    free(file->path);
    free(file->line);
    free(file);
}
