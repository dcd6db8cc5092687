/* Files of any content for the extended-XYZ reader of the C export, made from the bytes of a fuzzer. */
#include "extxyz.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/acegen-fuzz-XXXXXX";
    const int descriptor = mkstemp(path);
    FILE *stream = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    if (!stream || (size && fwrite(data, size, 1, stream) != 1) || fclose(stream)) abort();
    extxyz_file *file = extxyz_open(path);
    if (!file) abort();
    extxyz_frame frame;
    double sum = 0;
    while (extxyz_read(file, &frame) > 0) { /* all that a frame is said to hold is there */
        for (int64_t atom = 0; atom < frame.n_atoms; ++atom) {
            sum += frame.atomic_number[atom] + frame.position[3 * atom + 2];
            if (frame.force) sum += frame.force[3 * atom + 2];
        }
        extxyz_free(&frame);
    }
    extxyz_close(file);
    unlink(path);
    volatile double used = sum;
    (void)used;
    return 0;
}
