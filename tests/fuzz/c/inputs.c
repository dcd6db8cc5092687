/* Runs a harness on inputs drawn with a fixed seed, and on the files that are named: what libFuzzer does, without clang. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 4096 };

int main(int argc, char **argv)
{
    static uint8_t data[MOST];
    const long count = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    uint64_t state = 88172645463325252u; /* xorshift */
    for (long k = 0; k < count; ++k) {
        const size_t size = (size_t)(k % 1024);
        for (size_t i = 0; i < size; ++i) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            data[i] = (uint8_t)(state >> 32);
        }
        LLVMFuzzerTestOneInput(data, size);
    }
    for (int k = 2; k < argc; ++k) {
        FILE *stream = fopen(argv[k], "rb");
        if (!stream) return 1;
        const size_t size = fread(data, 1, MOST, stream);
        fclose(stream);
        LLVMFuzzerTestOneInput(data, size);
    }
    return 0;
}
