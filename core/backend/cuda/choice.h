/* Engines that were found to be fastest before, in the user's cache folder: timing them takes a second or two for each
 * size of picture. */
#ifndef WCT_CUDA_CHOICE_H
#define WCT_CUDA_CHOICE_H

#include "graph.h"

/* Reads the engine that was kept for this card, this cuDNN and this convolution into the graph, which has none. False
 * where there is none, the file is damaged, or cuDNN does not take it. */
bool wct_choice_find (const char *card, const WctConvolutionShape *shape, WctGraphKind kind, WctGraph *graph);

/* Keeps it, where that can be done. */
void wct_choice_keep (const char *card, const WctConvolutionShape *shape, WctGraphKind kind, const WctEngine *engine);

#endif
