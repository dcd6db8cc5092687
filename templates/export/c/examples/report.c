#include "report.h"

#include <math.h>
#include <stdio.h>

#include "elements.h"

/* Allowed deviations, in the units of what is compared, and of the largest label. Files hold forces with eight decimals. */
static const struct tolerance {
    double absolute, relative;
} DOUBLE = {1e-6, 1e-10}, SINGLE = {1e-4, 1e-4};

int report_model(const acegen_model *model)
{
    if (!model) {
        fprintf(stderr, "this processor lacks instructions the model was compiled for; build it again with other CFLAGS\n");
    } else if (model->abi_version != ACEGEN_ABI_VERSION) {
        fprintf(stderr, "the model has version %d of the interface, this program was compiled with version %d of acegen.h\n",
                (int)model->abi_version, ACEGEN_ABI_VERSION);
    } else if (!model->potential) {
        fprintf(stderr, "the model was compiled without coefficients, it has no potential\n");
    } else {
        return 0;
    }
    return 1;
}

/* Compare numbers with labels: the largest deviation goes to *largest; too large a one is noted. */
static void compare(report *report, const acegen_model *model, int64_t count, const double *value, const double *label,
                    double scale, double *largest)
{
    const struct tolerance tolerance = model->single_precision ? SINGLE : DOUBLE;
    double largest_label = 0.0;
    for (int64_t k = 0; k < count; ++k) largest_label = fmax(largest_label, fabs(label[k]) * scale);
    const double allowed = tolerance.absolute + tolerance.relative * largest_label;
    for (int64_t k = 0; k < count; ++k) {
        const double deviation = fabs(value[k] - label[k]) * scale;
        if (!(deviation <= allowed)) report->failed = 1; /* NaN fails too */
        if (!(deviation <= *largest)) *largest = deviation;
    }
    ++report->n_labels;
}

void report_frame(report *report, const acegen_model *model, const extxyz_frame *frame, double energy, const double *force,
                  const double *stress)
{
    const int64_t n = frame->n_atoms;
    if (!report->n_frames)
        printf("# model %s; energy and its standard deviation in eV, stress (xx yy zz yz xz xy) in eV/Angstrom^3, "
               "forces in eV/Angstrom\n", model->name);
    printf("frame %lld\n", (long long)++report->n_frames);
    printf("atoms %lld\n", (long long)n);
    printf("energy %.16e\n", energy);
    if (stress)
        printf("stress %.16e %.16e %.16e %.16e %.16e %.16e\n", stress[0], stress[4], stress[8], stress[5], stress[2], stress[1]);
    for (int64_t i = 0; i < n; ++i)
        printf("force %6lld %-2s % .16e % .16e % .16e\n", (long long)i + 1, element_symbol(frame->atomic_number[i]),
               force[3 * i], force[3 * i + 1], force[3 * i + 2]);

    if (frame->has_energy) compare(report, model, 1, &energy, &frame->energy, 1.0 / (double)n, &report->energy);
    if (frame->force) compare(report, model, 3 * n, force, frame->force, 1.0, &report->forces);
    if (frame->has_stress && stress) compare(report, model, 9, stress, frame->stress, 1.0, &report->stress);
}

void report_grade(const acegen_model *model, double grade, int64_t atom)
{
    printf("grade %.16e atom %lld, %s; thresholds %.4g and %.4g\n", grade, (long long)atom + 1, model->grade_kind,
           model->grade_thresholds[0], model->grade_thresholds[1]);
}

void report_deviation(const acegen_model *model, double deviation)
{
    const double wide = model->committee_quantiles[1]; /* 0.5, 0.9, 0.95: of energies, then of forces */
    printf("deviation %.16e, 90 %% within %.16e\n", deviation, wide * deviation);
}

void report_element(const report *report, const acegen_model *model, int32_t atomic_number)
{
    fprintf(stderr, "frame %lld: the model has no element %s, only", (long long)report->n_frames + 1,
            element_symbol(atomic_number));
    for (int32_t k = 0; k < model->n_species; ++k) fprintf(stderr, " %s", element_symbol(model->atomic_numbers[k]));
    fprintf(stderr, "\n");
}

void report_status(const report *report, acegen_status status, int64_t failed_atom)
{
    static const char *const REASONS[] = {
        "no failure", "an argument is wrong", "the workspace is too small", "an element is unknown",
        "a displacement is not finite", "another atom is at the same place",
    };
    const int known = (int)status >= 0 && status <= ACEGEN_COINCIDENT;
    fprintf(stderr, "frame %lld, atom %lld: %s\n", (long long)report->n_frames + 1, (long long)failed_atom + 1,
            known ? REASONS[status] : "unknown status");
}

int report_end(const report *report, int check)
{
    if (!report->n_labels) {
        printf("# no labels to compare with\n");
        return check ? 1 : 0;
    }
    printf("# largest deviation from labels: energy %.1e eV/atom, forces %.1e eV/Angstrom, stress %.1e eV/Angstrom^3%s\n",
           report->energy, report->forces, report->stress, check && report->failed ? ": too large" : "");
    return check && report->failed ? 1 : 0;
}
