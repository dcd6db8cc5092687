/* golden_si: canonical basis of Si, order 3, level 6, cutoff 5 Å. Made by acegen 0.1.0; do not edit.
 *
 * What the model is, and where its kernels are. The interface is described in acegen.h.
 */
#include <math.h>

#include "acegen.h"

size_t golden_si_basis_workspace(int64_t max_neighbours, int64_t n_rows);
acegen_status golden_si_basis(const acegen_environments *environments, double *values, double *gradient,
                               void *workspace, size_t workspace_size, int64_t *failed_atom);
acegen_status golden_si_design(const acegen_environments *environments, const int64_t *center_row,
                                const int64_t *neighbour_row, int64_t n_rows, double *energy, double *forces,
                                double *virial, void *workspace, size_t workspace_size, int64_t *failed_atom);
size_t golden_si_potential_workspace(int64_t max_neighbours, int32_t n_threads);
acegen_status golden_si_potential(const acegen_environments *environments, double *energy, double *gradient,
                                   int32_t n_threads, void *workspace, size_t workspace_size, int64_t *failed_atom);
const acegen_model *acegen_model_golden_si(void);

static const int32_t ATOMIC_NUMBERS[] = { 14 }; /* Si */

/* Cutoff radii by centre and neighbour, Å. */
static const double CUTOFFS[] = {
    5.0,
};

/* Energies of atoms without neighbours, eV. */
static const double ATOMIC_ENERGIES[] = { 0.0 };

static const acegen_model MODEL = {
    .abi_version = ACEGEN_ABI_VERSION,
    .symmetry = "O3",
    .dimension = 3,
    .n_species = 1,
    .n_basis = 25,
    .n_pair = 0,
    .max_order = 3,
    .name = "golden_si",
    .basis_hash = "3e79268955239208fbf84fbea11b13f2737d7db3fc65caa8b5767ffcf6b2ed82",
    .model_hash = "86db9065164b0e2f9e7b1d85b4d35a5e28511bbd3c0123d47f70f5b448242b90",
    .generator = "acegen 0.1.0",
    .atomic_numbers = ATOMIC_NUMBERS,
    .cutoffs = CUTOFFS,
    .atomic_energies = ATOMIC_ENERGIES,
    .single_precision = 0,
    .multithreaded = 0,
    .basis_workspace = golden_si_basis_workspace,
    .potential_workspace = golden_si_potential_workspace,
    .basis = golden_si_basis,
    .design = golden_si_design,
    .potential = golden_si_potential,
    .reference = NULL,
    .grade_kind = NULL,
    .grade_thresholds = NULL,
    .grade_workspace = NULL,
    .grade = NULL,
    .n_members = 0,
    .committee_calibration = NULL,
    .committee_quantiles = NULL,
    .committee_workspace = NULL,
    .committee = NULL,
};

/* In a library that hides the rest. */
#if defined(__GNUC__)
#define VISIBLE __attribute__((visibility("default")))
#else
#define VISIBLE
#endif

/* The model, or NULL if this processor lacks instructions it was compiled for. */
VISIBLE const acegen_model *acegen_model_golden_si(void)
{
#if defined(__GNUC__) && defined(__x86_64__) && defined(__AVX__)
    if (!__builtin_cpu_supports("avx")) return NULL;
#endif
#if defined(__GNUC__) && defined(__x86_64__) && defined(__AVX2__)
    if (!__builtin_cpu_supports("avx2")) return NULL;
#endif
#if defined(__GNUC__) && defined(__x86_64__) && defined(__FMA__)
    if (!__builtin_cpu_supports("fma")) return NULL;
#endif
#if defined(__GNUC__) && defined(__x86_64__) && defined(__BMI__)
    if (!__builtin_cpu_supports("bmi")) return NULL;
#endif
#if defined(__GNUC__) && defined(__x86_64__) && defined(__BMI2__)
    if (!__builtin_cpu_supports("bmi2")) return NULL;
#endif
#if defined(__GNUC__) && defined(__x86_64__) && defined(__AVX512F__)
    if (!__builtin_cpu_supports("avx512f")) return NULL;
#endif
#if defined(__GNUC__) && defined(__x86_64__) && defined(__AVX512CD__)
    if (!__builtin_cpu_supports("avx512cd")) return NULL;
#endif
#if defined(__GNUC__) && defined(__x86_64__) && defined(__AVX512BW__)
    if (!__builtin_cpu_supports("avx512bw")) return NULL;
#endif
#if defined(__GNUC__) && defined(__x86_64__) && defined(__AVX512DQ__)
    if (!__builtin_cpu_supports("avx512dq")) return NULL;
#endif
#if defined(__GNUC__) && defined(__x86_64__) && defined(__AVX512VL__)
    if (!__builtin_cpu_supports("avx512vl")) return NULL;
#endif
#if defined(__GNUC__) && defined(__x86_64__) && defined(__AVX512VNNI__)
    if (!__builtin_cpu_supports("avx512vnni")) return NULL;
#endif
#if defined(__GNUC__) && defined(__x86_64__) && defined(__AVX512VBMI__)
    if (!__builtin_cpu_supports("avx512vbmi")) return NULL;
#endif
#if defined(__GNUC__) && defined(__x86_64__) && defined(__AVX512IFMA__)
    if (!__builtin_cpu_supports("avx512ifma")) return NULL;
#endif
    return &MODEL;
}

#ifdef ACEGEN_LIBRARY
/* The same for programs that load models as libraries, whatever their names. */
VISIBLE const acegen_model *acegen_library(void)
{
    return acegen_model_golden_si();
}
#endif
