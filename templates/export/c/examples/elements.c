#include "elements.h"

#include "acegen_symbols.h"

#include <string.h>

int32_t element_number(const char *symbol)
{
    for (int32_t number = 1; number < ACEGEN_N_SYMBOLS; ++number)
        if (strcmp(symbol, ACEGEN_SYMBOLS[number]) == 0) return number;
    return 0;
}

const char *element_symbol(int32_t number)
{
    return number >= 1 && number < ACEGEN_N_SYMBOLS ? ACEGEN_SYMBOLS[number] : "?";
}
