/* Calls of a model with absurd arguments, made from the bytes of a fuzzer: no undefined behaviour, whatever comes.
 *
 * What the interface cannot check is kept within its rules: arrays hold what they are said to hold, and a workspace that is
 * said to be beyond any memory comes with lists that must be refused before it is touched.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "acegen.h"

const acegen_model *MODEL_FUNCTION(void);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_ATOMS = 6, MOST_ENTRIES = 24 };

static const uint8_t *next_byte, *end_byte;

static uint8_t byte(void)
{
    return next_byte < end_byte ? *next_byte++ : 0;
}

static uint64_t word(void)
{
    uint64_t value = 0;
    for (int k = 0; k < 8; ++k) value = value << 8 | byte();
    return value;
}

/* Mostly usual displacements, some of any bits. */
static double number(void)
{
    const uint8_t kind = byte();
    if (kind > 16) return ((double)byte() - 128 + kind / 256.0) / 24;
    const uint64_t bits = word();
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Counts at the edges of what there is. */
static int64_t edge(void)
{
    static const int64_t edges[] = {0, -1, 1, INT64_MAX, INT64_MIN, INT64_MAX / 2, INT64_MIN + 1, INT64_MAX / 24, INT64_MAX / 1000};
    const uint8_t which = byte();
    return which < 9 ? edges[which] : (int64_t)word();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const acegen_model *model = MODEL_FUNCTION();
    if (!model) return 0;
    next_byte = data;
    end_byte = data + size;
    const int64_t n_atoms = byte() % (MOST_ATOMS + 1);
    const int absurd = byte() % 4 == 0, huge = byte() % 4 == 0;
    int32_t center[MOST_ATOMS], species[MOST_ENTRIES];
    int64_t first[MOST_ATOMS + 1], failed = 0;
    double displacement[3 * MOST_ENTRIES];
    int64_t at = byte() % 4;
    for (int64_t i = 0; i <= n_atoms; ++i) {
        first[i] = at;
        at += byte() % 4;
    }
    int refused = 0; /* an entry outside of the arrays, which only lists that are refused may have */
    if (absurd) {
        const int64_t where = byte() % (n_atoms + 1);
        first[where] = edge();
        for (int64_t i = 0; i < n_atoms; ++i) refused = refused || first[i] < 0 || first[i + 1] < first[i];
        for (int64_t i = 0; i <= n_atoms; ++i)
            if (first[i] > MOST_ENTRIES && !refused) first[i] = i ? first[i - 1] : 0;
        for (int64_t i = 1; i <= n_atoms && !refused; ++i)
            if (first[i] < first[i - 1]) first[i] = first[i - 1];
    }
    for (int64_t i = 0; i < n_atoms; ++i) center[i] = byte() % 32 ? byte() % model->n_species : (int32_t)word();
    for (int k = 0; k < MOST_ENTRIES; ++k) {
        species[k] = byte() % 32 ? byte() % model->n_species : (int32_t)word();
        for (int axis = 0; axis < 3; ++axis) displacement[3 * k + axis] = number();
    }
    const uint8_t missing = byte();
    const acegen_environments environments = {
        byte() % 16 ? n_atoms : -n_atoms,
        missing == 1 ? NULL : center,
        missing == 2 ? NULL : first,
        missing == 3 ? NULL : species,
        missing == 4 ? NULL : displacement,
    };
    const int64_t n_rows = 3, width = model->n_basis ? model->n_basis : 1, n_values = width * MOST_ATOMS;
    const size_t room = (model->basis ? model->basis_workspace(MOST_ENTRIES, n_rows) : 0) + (model->potential ? model->potential_workspace(MOST_ENTRIES, 3) : 0);
    int64_t center_row[MOST_ATOMS], neighbour_row[MOST_ENTRIES];
    for (int k = 0; k < MOST_ATOMS; ++k) center_row[k] = byte() % 4 - 1;
    for (int k = 0; k < MOST_ENTRIES; ++k) neighbour_row[k] = byte() % 4 - 1;
    char *workspace = malloc(room + 1);
    double *values = malloc((size_t)n_values * sizeof *values);
    double *gradient = malloc((size_t)width * 3 * MOST_ENTRIES * sizeof *gradient);
    double *forces = malloc((size_t)n_values * 3 * 3 * (size_t)n_rows * sizeof *forces);
    double *virial = malloc((size_t)n_values * 6 * sizeof *virial);
    if (!workspace || !values || !gradient || !forces || !virial) abort();
    char *scratch = missing == 5 ? NULL : workspace + byte() % 2;
    const size_t scratch_size = huge && refused ? SIZE_MAX - byte() : byte() % 8 ? room : (size_t)(word() % room);
    double *const out = missing == 6 ? NULL : values;
    if (model->basis)
        model->basis(&environments, out, byte() % 2 ? gradient : NULL, scratch, scratch_size, byte() % 2 ? &failed : NULL);
    if (model->design)
        model->design(&environments, center_row, missing == 7 ? NULL : neighbour_row, missing == 8 ? -n_rows : n_rows, out,
                      missing == 9 ? NULL : forces, virial, scratch, scratch_size, &failed);
    if (model->potential) model->potential(&environments, out, gradient, byte() % 4, scratch, scratch_size, &failed);
    if (model->reference) model->reference(&environments, out ? out : virial, gradient, &failed);
    const int64_t count = edge(), rows = edge();
    if (model->basis_workspace) model->basis_workspace(count, rows);
    if (model->potential_workspace) model->potential_workspace(count, (int32_t)edge());

    /* One list of more entries than there can be, and a workspace said to be as large as can be: too small. */
    const int64_t most[2] = {0, INT64_MAX - byte()};
    const int32_t first_species = 0;
    const acegen_environments whole = {1, &first_species, most, species, displacement};
    if (model->basis && model->basis(&whole, values, NULL, workspace, SIZE_MAX, &failed) != ACEGEN_SMALL_WORKSPACE) abort();
    if (model->potential && model->potential(&whole, values, gradient, 1, workspace, SIZE_MAX, &failed) != ACEGEN_SMALL_WORKSPACE) abort();
    free(workspace);
    free(values);
    free(gradient);
    free(forces);
    free(virial);
    return 0;
}
