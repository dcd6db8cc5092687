/* Chemical symbols and atomic numbers. */
#ifndef ELEMENTS_H
#define ELEMENTS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Atomic number of a symbol such as "Si"; 0 if there is no such element. */
int32_t element_number(const char *symbol);

/* Symbol of an atomic number; "?" if there is no such element. */
const char *element_symbol(int32_t number);

#ifdef __cplusplus
}
#endif

#endif
