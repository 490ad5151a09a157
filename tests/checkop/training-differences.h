/* Gradients by central differences of the layers' definitions in double: what the reference back end is checked
 * against. */
#ifndef CHECKOP_TRAINING_DIFFERENCES_H
#define CHECKOP_TRAINING_DIFFERENCES_H

#include "chain-case.h"

/* Of the layers' definitions: see chain-case.h. */
uint64_t pattern_by_definition (const ChainCase *chain);

/* Whether nothing switches right beside the case's values: there is a step for differences. */
bool is_smooth_nearby (Checker *checker, const ChainCase *chain);

/* @result: with both gradients */
void check_differences (Checker *checker, const ChainCase *chain, const ChainResult *result);

#endif
