/* kim_model.c: an ACE potential as a portable model of the KIM API: creation, destruction, and what it offers.
 *
 * SPDX-License-Identifier: MIT
 */
#include "kim_model.h"

#include "acegen_symbols.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Named as the project requires; one function, declared here because its name is known only when this is compiled. */
const acegen_model *ACEGEN_ENTRY(void);
KIM_ModelCreateFunction acegen_kim_create;

static KIM_ModelDestroyFunction destroy;
static KIM_ModelRefreshFunction refresh;
static KIM_ModelComputeArgumentsCreateFunction arguments_create;
static KIM_ModelComputeArgumentsDestroyFunction arguments_destroy;

/* Log an error of creation, as printf; returns what a failed routine returns. */
static int fail(const KIM_ModelCreate *create, const char *format, ...)
{
    char message[512];
    va_list values;
    va_start(values, format);
    vsnprintf(message, sizeof message, format, values);
    va_end(values);
    KIM_ModelCreate_LogEntry(create, KIM_LOG_VERBOSITY_error, message, __LINE__, "kim_model.c");
    return 1;
}

/* What a quantity in Å^length eV^energy is multiplied with. Returns 1 if there is no conversion. */
static int conversion(KIM_LengthUnit length_unit, KIM_EnergyUnit energy_unit, double length, double energy,
                      double *factor)
{
    return KIM_ModelCreate_ConvertUnit(KIM_LENGTH_UNIT_A, KIM_ENERGY_UNIT_eV, KIM_CHARGE_UNIT_unused,
                                       KIM_TEMPERATURE_UNIT_unused, KIM_TIME_UNIT_unused, length_unit, energy_unit,
                                       KIM_CHARGE_UNIT_unused, KIM_TEMPERATURE_UNIT_unused, KIM_TIME_UNIT_unused,
                                       length, energy, 0.0, 0.0, 0.0, factor);
}

/* The potential, if this code and this processor can use it; otherwise NULL, and why is logged. */
static const acegen_model *usable_potential(const KIM_ModelCreate *create)
{
    const acegen_model *potential = ACEGEN_ENTRY();
    if (potential == NULL) {
        fail(create,
             "%s: this processor lacks instructions that the model was compiled for; compile it for this machine: "
             "export it again with acegen here, or from a model compiled for an older instruction set.",
             ACEGEN_NAME);
        return NULL;
    }
    if (potential->abi_version != ACEGEN_ABI_VERSION) {
        fail(create,
             "%s: the kernel has version %d of the interface acegen.h, this code version %d; export the model again.",
             ACEGEN_NAME, (int)potential->abi_version, ACEGEN_ABI_VERSION);
        return NULL;
    }
    if (potential->potential == NULL || potential->potential_workspace == NULL) {
        fail(create, "%s: the model was compiled without coefficients and has no energy; fit it and export it again.",
             ACEGEN_NAME);
        return NULL;
    }
    return potential;
}

/* The model in the units that were asked for, or NULL, and why is logged. */
static kim_model *new_model(const KIM_ModelCreate *create, KIM_LengthUnit length_unit, KIM_EnergyUnit energy_unit)
{
    const acegen_model *potential = usable_potential(create);
    if (potential == NULL) return NULL;
    const size_t n_pairs = (size_t)potential->n_species * (size_t)potential->n_species;
    kim_model *model = malloc(sizeof *model + n_pairs * sizeof model->squared_cutoffs[0]);
    if (model == NULL) {
        fail(create, "%s: there is not enough memory.", ACEGEN_NAME);
        return NULL;
    }
    double length;
    if (conversion(length_unit, energy_unit, 1.0, 0.0, &length)
        || conversion(length_unit, energy_unit, 0.0, 1.0, &model->energy_unit)
        || conversion(length_unit, energy_unit, -1.0, 1.0, &model->force_unit)) {
        fail(create,
             "%s: cannot convert Å and eV, the units of this model, to '%s' and '%s'; ask for a unit of length (such "
             "as A, Bohr, nm, m) and one of energy (such as eV, Hartree, kcal_mol, J).",
             ACEGEN_NAME, KIM_LengthUnit_ToString(length_unit), KIM_EnergyUnit_ToString(energy_unit));
        free(model);
        return NULL;
    }
    if (KIM_EnergyUnit_Equal(energy_unit, KIM_ENERGY_UNIT_erg) && model->energy_unit < 1e-12) {
        fail(create,
             "%s: this KIM API converts eV to erg wrongly (1 eV is 1.6e-12 erg, not %.1e); ask for another unit.",
             ACEGEN_NAME, model->energy_unit);
        free(model);
        return NULL;
    }
    double cutoff = 0.0;
    for (size_t pair = 0; pair < n_pairs; ++pair) {
        const double own = potential->cutoffs[pair];
        model->squared_cutoffs[pair] = own * own;
        if (own > cutoff) cutoff = own;
    }
    model->potential = potential;
    model->angstrom = 1.0 / length;
    model->influence_distance = cutoff * length;
    model->contributing_only = 1;
    model->grade_every = 0;
    model->grade_stop = potential->grade == NULL ? 0.0 : potential->grade_thresholds[1];
    return model;
}

/* Tell KIM the elements, by their indices in the model. */
static int set_species(KIM_ModelCreate *create, const acegen_model *potential)
{
    for (int32_t i = 0; i < potential->n_species; ++i) {
        const int32_t number = potential->atomic_numbers[i];
        const char *symbol = number > 0 && number < ACEGEN_N_SYMBOLS ? ACEGEN_SYMBOLS[number] : "";
        const KIM_SpeciesName name = KIM_SpeciesName_FromString(symbol);
        if (!KIM_SpeciesName_Known(name) || KIM_ModelCreate_SetSpeciesCode(create, name, i)) {
            return fail(create, "%s: this KIM API does not know element number %d.", ACEGEN_NAME, (int)number);
        }
    }
    return 0;
}

/* Tell KIM a routine of this model. */
static int set_routine(KIM_ModelCreate *create, KIM_ModelRoutineName name, KIM_Function *function)
{
    return KIM_ModelCreate_SetRoutinePointer(create, name, KIM_LANGUAGE_NAME_c, 1, function);
}

/* Tell KIM the parameters, of a model with grades. Without any it refuses a routine to refresh the model. */
static int set_parameters(KIM_ModelCreate *create, kim_model *model)
{
    if (model->potential->grade == NULL) return 0;
    return KIM_ModelCreate_SetParameterPointerInteger(
               create, 1, &model->grade_every, "grade_every",
               "Every how many calls of compute the grades of all particles are evaluated, 0 for never. Where one is above "
               "the first threshold of the model, a warning is logged.")
           || KIM_ModelCreate_SetParameterPointerDouble(
               create, 1, &model->grade_stop, "grade_stop",
               "Grade above which compute fails, 0 for none. At first the second threshold of the model.")
           || set_routine(create, KIM_MODEL_ROUTINE_NAME_Refresh, (KIM_Function *)refresh);
}

int acegen_kim_create(KIM_ModelCreate *const create, KIM_LengthUnit const length_unit,
                      KIM_EnergyUnit const energy_unit, KIM_ChargeUnit const charge_unit,
                      KIM_TemperatureUnit const temperature_unit, KIM_TimeUnit const time_unit)
{
    (void)charge_unit; /* no quantity of the model has these */
    (void)temperature_unit;
    (void)time_unit;
    kim_model *model = new_model(create, length_unit, energy_unit);
    if (model == NULL) return 1;
    if (KIM_ModelCreate_SetUnits(create, length_unit, energy_unit, KIM_CHARGE_UNIT_unused, KIM_TEMPERATURE_UNIT_unused,
                                 KIM_TIME_UNIT_unused)
        || KIM_ModelCreate_SetModelNumbering(create, KIM_NUMBERING_zeroBased) || set_species(create, model->potential)
        || set_parameters(create, model)
        || set_routine(create, KIM_MODEL_ROUTINE_NAME_ComputeArgumentsCreate, (KIM_Function *)arguments_create)
        || set_routine(create, KIM_MODEL_ROUTINE_NAME_ComputeArgumentsDestroy, (KIM_Function *)arguments_destroy)
        || set_routine(create, KIM_MODEL_ROUTINE_NAME_Compute, (KIM_Function *)acegen_kim_compute)
        || set_routine(create, KIM_MODEL_ROUTINE_NAME_Destroy, (KIM_Function *)destroy)) {
        free(model);
        return fail(create, "%s: the KIM API did not accept the model.", ACEGEN_NAME);
    }
    KIM_ModelCreate_SetModelBufferPointer(create, model);
    KIM_ModelCreate_SetInfluenceDistancePointer(create, &model->influence_distance);
    KIM_ModelCreate_SetNeighborListPointers(create, 1, &model->influence_distance, &model->contributing_only);
    return 0;
}

/* Parameters have changed. */
static int refresh(KIM_ModelRefresh *const self)
{
    void *buffer;
    KIM_ModelRefresh_GetModelBufferPointer(self, &buffer);
    kim_model *model = buffer;
    const char *problem = NULL;
    if (model->grade_every < 0) problem = ACEGEN_NAME ": grade_every must be 0 (never) or a number of calls.";
    if (!(model->grade_stop >= 0.0)) problem = ACEGEN_NAME ": grade_stop must be 0 (none) or a grade above zero.";
    if (problem != NULL) {
        KIM_ModelRefresh_LogEntry(self, KIM_LOG_VERBOSITY_error, problem, __LINE__, "kim_model.c");
        return 1;
    }
    KIM_ModelRefresh_SetInfluenceDistancePointer(self, &model->influence_distance);
    KIM_ModelRefresh_SetNeighborListPointers(self, 1, &model->influence_distance, &model->contributing_only);
    return 0;
}

static int destroy(KIM_ModelDestroy *const self)
{
    void *buffer;
    KIM_ModelDestroy_GetModelBufferPointer(self, &buffer);
    free(buffer);
    return 0;
}

static int arguments_create(KIM_ModelCompute const *const compute, KIM_ModelComputeArgumentsCreate *const arguments)
{
    const KIM_ComputeArgumentName outputs[] = {
        KIM_COMPUTE_ARGUMENT_NAME_partialEnergy,         KIM_COMPUTE_ARGUMENT_NAME_partialForces,
        KIM_COMPUTE_ARGUMENT_NAME_partialParticleEnergy, KIM_COMPUTE_ARGUMENT_NAME_partialVirial,
        KIM_COMPUTE_ARGUMENT_NAME_partialParticleVirial,
    };
    (void)compute;
    kim_batch *batch = calloc(1, sizeof *batch);
    int failed = batch == NULL;
    for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; ++i) {
        failed = failed
                 || KIM_ModelComputeArgumentsCreate_SetArgumentSupportStatus(arguments, outputs[i],
                                                                             KIM_SUPPORT_STATUS_optional);
    }
    if (failed) {
        KIM_ModelComputeArgumentsCreate_LogEntry(arguments, KIM_LOG_VERBOSITY_error,
                                                 ACEGEN_NAME ": compute arguments could not be created.", __LINE__,
                                                 "kim_model.c");
        free(batch);
        return 1;
    }
    KIM_ModelComputeArgumentsCreate_SetModelBufferPointer(arguments, batch);
    return 0;
}

static int arguments_destroy(KIM_ModelCompute const *const compute,
                             KIM_ModelComputeArgumentsDestroy *const arguments)
{
    void *buffer;
    (void)compute;
    KIM_ModelComputeArgumentsDestroy_GetModelBufferPointer(arguments, &buffer);
    kim_batch *batch = buffer;
    free(batch->neighbour);
    free(batch->species);
    free(batch->displacement);
    free(batch->gradient);
    free(batch->workspace);
    free(batch);
    return 0;
}
