/* cuDNN has engines for every convolution of ours, on cards that need not be here: it describes graphs, offers engines
 * and finishes plans from a card's description. What only a card can show, results and speed, is not shown here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/cuda/choice.h"
#include "backend/cuda/graph.h"
#include "cards.h"

static const char *const kinds[] = { "forward", "data back", "weights back" };
static const char *const elements[] = { "f32", "f16", "bf16" };

/* The first convolution, on pictures; full width and compact networks; the last one; maps of colors; 1×1. */
static const struct
{
  int32_t in_lanes, out_lanes, side;
} lanes[] = { { 8, 64, 3 }, { 8, 16, 3 },    { 16, 16, 3 }, { 24, 32, 3 },   { 64, 64, 3 }, { 64, 128, 3 },
              { 64, 8, 3 }, { 256, 512, 3 }, { 16, 8, 3 },  { 512, 512, 3 }, { 8, 8, 1 },   { 24, 64, 1 } };

/* A picture's whole map, and a batch for training; one of neither. */
static const struct
{
  int32_t count, rows, columns;
} maps[] = { { 1, 512, 512 }, { 128, 32, 32 }, { 1, 17, 33 } };

#define LANES (sizeof lanes / sizeof lanes[0])
#define MAPS  (sizeof maps / sizeof maps[0])

static WctGraphTarget
target_of (const Card *card)
{
  WctGraphTarget target = NULL;
  WctError       err;
  char           json[1000];

  print_card (card, json, sizeof json);
  if (wct_graph_target_of_json (json, &target, &err) != WCT_OK)
    fail_msg ("%s", err.message);
  return target;
}

static WctGraph *
graph_of (WctGraphTarget target, const WctConvolutionShape *shape, WctGraphKind kind)
{
  WctGraph *graph = NULL;
  WctError  err;

  if (wct_graph_new (target, shape, kind, &graph, &err) != WCT_OK)
    fail_msg ("%s", err.message);
  return graph;
}

static WctConvolutionShape
shape_of (WctElement element, bool exact, size_t lane, size_t map)
{
  return (WctConvolutionShape){ .element = element,
                                .exact = exact,
                                .relu = true,
                                .side = lanes[lane].side,
                                .count = maps[map].count,
                                .rows = maps[map].rows,
                                .columns = maps[map].columns,
                                .in_lanes = lanes[lane].in_lanes,
                                .out_lanes = lanes[lane].out_lanes };
}

static void
print_shape (const Card *card, const WctConvolutionShape *shape, WctGraphKind kind)
{
  print_message ("%s, %s%s %s, %d to %d lanes, side %d, %d x %d x %d", card->name, elements[shape->element],
                 shape->exact ? " exact" : "", kinds[kind], shape->in_lanes, shape->out_lanes, shape->side,
                 shape->count, shape->rows, shape->columns);
}

/* Engines that cuDNN has for it; the first is printed. */
static int
count_engines (const Card *card, WctGraphTarget target, const WctConvolutionShape *shape, WctGraphKind kind)
{
  WctGraph         *graph = graph_of (target, shape, kind);
  const WctEngines *engines = wct_graph_engines (graph);
  const int         count = wct_graph_plan (graph, WCT_ENGINES_MAX);

  print_shape (card, shape, kind);
  if (count > 0)
    print_message (": engine %d, %.1f MB of workspace, of %d\n", wct_engine_number (&engines->list[0]),
                   (double)engines->list[0].workspace / 1e6, count);
  else
    print_message (": none\n");
  wct_graph_free (&graph);
  return count;
}

/* Convolutions of one element, in all directions that it is asked for, that have no engine. */
static int
count_missing (const Card *card, WctElement element, bool exact)
{
  /* Gradients of weights are floats, which is asked for as f32 (convolution-cuda.c). */
  const int      kind_count = element == WCT_ELEMENT_F32 ? 3 : 2;
  WctGraphTarget target = target_of (card);
  int            missing = 0;

  for (int kind = 0; kind < kind_count; kind++)
    for (size_t lane = 0; lane < LANES; lane++)
      for (size_t map = 0; map < MAPS; map++)
        {
          const WctConvolutionShape shape = shape_of (element, exact, lane, map);

          missing += count_engines (card, target, &shape, (WctGraphKind)kind) == 0;
        }
  wct_graph_target_free (&target);
  return missing;
}

static void
every_convolution_of_every_card_has_an_engine (void **state)
{
  (void)state;
  for (size_t i = 0; i < CARD_COUNT; i++)
    {
      assert_int_equal (count_missing (&cards[i], WCT_ELEMENT_F32, true), 0);
      assert_int_equal (count_missing (&cards[i], WCT_ELEMENT_F32, false), 0);
      assert_int_equal (count_missing (&cards[i], WCT_ELEMENT_F16, false), 0);
      if (cards[i].capability >= 800)
        assert_int_equal (count_missing (&cards[i], WCT_ELEMENT_BF16, false), 0);
    }
}

/* What our own kernels are for. */
static void
turing_has_none_for_bf16 (void **state)
{
  (void)state;
  assert_int_equal (cards[0].capability, 750);
  assert_int_equal (count_missing (&cards[0], WCT_ELEMENT_BF16, false), 2 * (int)(LANES * MAPS));
}

static bool
has_note (const WctEngine *engine, cudnnBackendNumericalNote_t wanted)
{
  cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
  cudnnBackendDescriptor_t    of = NULL;
  int64_t                     count = 0;
  bool                        found = false;

  assert_int_equal (cudnnBackendCreateDescriptor (CUDNN_BACKEND_ENGINE_DESCRIPTOR, &of), CUDNN_STATUS_SUCCESS);
  assert_int_equal (cudnnBackendGetAttribute (engine->config, CUDNN_ATTR_ENGINECFG_ENGINE,
                                              CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &of),
                    CUDNN_STATUS_SUCCESS);
  assert_int_equal (cudnnBackendGetAttribute (of, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                              CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &count, notes),
                    CUDNN_STATUS_SUCCESS);
  for (int64_t i = 0; i < count; i++)
    found = found || notes[i] == wanted;
  cudnnBackendDestroyDescriptor (of);
  return found;
}

/* How many of the engines for a convolution have a note. */
static int
count_noted (bool exact, WctGraphKind kind, cudnnBackendNumericalNote_t note, int *all)
{
  const WctConvolutionShape shape = shape_of (WCT_ELEMENT_F32, exact, 4, 0);
  WctGraphTarget            target = target_of (&cards[4]);
  WctGraph                 *graph = graph_of (target, &shape, kind);
  const WctEngines         *engines = wct_graph_engines (graph);
  int                       count = 0;

  *all = wct_graph_plan (graph, WCT_ENGINES_MAX);
  for (int i = 0; i < *all; i++)
    count += has_note (&engines->list[i], note);
  wct_graph_free (&graph);
  wct_graph_target_free (&target);
  return count;
}

static void
exact_floats_do_not_meet_tensor_cores (void **state)
{
  int all = 0;

  (void)state;
  for (int kind = 0; kind < WCT_GRAPH_KINDS; kind++)
    {
      assert_int_equal (count_noted (true, (WctGraphKind)kind, CUDNN_NUMERICAL_NOTE_TENSOR_CORE, &all), 0);
      assert_true (all > 0);
      assert_true (count_noted (false, (WctGraphKind)kind, CUDNN_NUMERICAL_NOTE_TENSOR_CORE, &all) > 0);
    }
}

static void
gradients_are_the_same_every_time (void **state)
{
  int all = 0;

  (void)state;
  for (int exact = 0; exact < 2; exact++)
    {
      assert_int_equal (count_noted (exact, WCT_GRAPH_WEIGHTS_BACK, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC, &all), 0);
      assert_true (all > 0);
    }
}

static void
without_relu_there_are_engines_too (void **state)
{
  WctGraphTarget target = target_of (&cards[4]);

  (void)state;
  for (int element = 0; element < 3; element++)
    for (size_t lane = 0; lane < LANES; lane++)
      {
        WctConvolutionShape shape = shape_of ((WctElement)element, false, lane, 0);

        shape.relu = false;
        assert_true (count_engines (&cards[4], target, &shape, WCT_GRAPH_FORWARD) > 0);
      }
  wct_graph_target_free (&target);
}

static void
what_is_no_card_is_refused (void **state)
{
  WctGraphTarget target = NULL;
  WctError       err = { 0 };

  (void)state;
  assert_int_equal (wct_graph_target_of_json ("{}", &target, &err), WCT_ERR_DEVICE);
  assert_null (target);
  assert_non_null (strstr (err.message, "the card's description is not taken"));
}

/* ---- Choices that are kept -------------------------------------------------------------------------------------- */

typedef struct
{
  WctGraphTarget      target;
  WctConvolutionShape shape;
  size_t              workspace; /* of the engine that was kept */
  char                path[300]; /* of its file */
} Kept;

static void
find_file (char *path, size_t size)
{
  char           folder[200];
  DIR           *files;
  struct dirent *file;
  int            count = 0;

  snprintf (folder, sizeof folder, "%s/wct/cuda", getenv ("XDG_CACHE_HOME"));
  files = opendir (folder);
  assert_non_null (files);
  while ((file = readdir (files)) != NULL)
    if (file->d_name[0] != '.')
      {
        snprintf (path, size, "%.199s/%.90s", folder, file->d_name);
        count++;
      }
  closedir (files);
  assert_int_equal (count, 1);
}

static Kept
keep_one (void)
{
  Kept      kept = { target_of (&cards[4]), shape_of (WCT_ELEMENT_F16, false, 4, 0), 0, "" };
  WctGraph *graph = graph_of (kept.target, &kept.shape, WCT_GRAPH_FORWARD);

  assert_true (wct_graph_plan (graph, 3) == 3);
  wct_engines_choose (wct_graph_engines (graph), 2);
  kept.workspace = wct_graph_engines (graph)->list[0].workspace;
  wct_choice_keep (cards[4].name, &kept.shape, WCT_GRAPH_FORWARD, &wct_graph_engines (graph)->list[0]);
  wct_graph_free (&graph);
  find_file (kept.path, sizeof kept.path);
  return kept;
}

static bool
is_found (const Kept *kept, const char *card, const WctConvolutionShape *shape, WctGraphKind kind)
{
  WctGraph  *graph = graph_of (kept->target, shape, kind);
  const bool found = wct_choice_find (card, shape, kind, graph);

  if (found)
    {
      assert_int_equal (wct_graph_engines (graph)->count, 1);
      assert_int_equal (wct_graph_engines (graph)->list[0].workspace, kept->workspace);
    }
  wct_graph_free (&graph);
  return found;
}

static void
a_choice_is_found_again_for_the_same_card_and_shape_only (void **state)
{
  Kept                kept = keep_one ();
  WctConvolutionShape other = kept.shape;

  (void)state;
  other.columns++;
  assert_true (is_found (&kept, cards[4].name, &kept.shape, WCT_GRAPH_FORWARD));
  assert_false (is_found (&kept, cards[3].name, &kept.shape, WCT_GRAPH_FORWARD));
  assert_false (is_found (&kept, cards[4].name, &other, WCT_GRAPH_FORWARD));
  assert_false (is_found (&kept, cards[4].name, &kept.shape, WCT_GRAPH_DATA_BACK));
  wct_graph_target_free (&kept.target);
}

static void
damage (const char *path, long offset)
{
  FILE *file = fopen (path, "r+b");

  assert_non_null (file);
  fseek (file, offset, offset < 0 ? SEEK_END : SEEK_SET);
  const int byte = fgetc (file);
  fseek (file, -1, SEEK_CUR);
  fputc (byte ^ 1, file);
  fclose (file);
}

static void
a_damaged_choice_is_not_taken (void **state)
{
  Kept        kept = keep_one ();
  struct stat about;

  (void)state;
  for (long offset = -1; offset <= 40; offset += 8)
    {
      damage (kept.path, offset);
      assert_false (is_found (&kept, cards[4].name, &kept.shape, WCT_GRAPH_FORWARD));
      damage (kept.path, offset);
      assert_true (is_found (&kept, cards[4].name, &kept.shape, WCT_GRAPH_FORWARD));
    }
  assert_int_equal (stat (kept.path, &about), 0);
  for (off_t size = 0; size < about.st_size; size += 100)
    {
      wct_graph_target_free (&kept.target);
      kept = keep_one ();
      assert_int_equal (truncate (kept.path, size), 0);
      assert_false (is_found (&kept, cards[4].name, &kept.shape, WCT_GRAPH_FORWARD));
    }
  wct_graph_target_free (&kept.target);
}

/* The sum of its bytes is no promise of its meaning: cuDNN's other version may have written it. */
static void
text_that_cudnn_does_not_know_is_not_taken (void **state)
{
  static const char *const texts[] = { "", "{}", "[]", "nonsense", "{\"executionPlan\":{}}" };
  WctGraphTarget           target = target_of (&cards[4]);
  WctConvolutionShape      shape = shape_of (WCT_ELEMENT_F16, false, 4, 0);
  WctGraph                *graph = graph_of (target, &shape, WCT_GRAPH_FORWARD);

  (void)state;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    assert_false (wct_graph_read (graph, texts[i], strlen (texts[i])));
  wct_graph_free (&graph);
  wct_graph_target_free (&target);
}

static int
remove_folder (void **state)
{
  char path[300];

  (void)state;
  find_file (path, sizeof path);
  unlink (path);
  for (int i = 0; i < 3; i++)
    {
      *strrchr (path, '/') = '\0';
      rmdir (path);
    }
  return 0;
}

int
main (void)
{
  static char             cache[] = "/tmp/wct-engines-XXXXXX";
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (every_convolution_of_every_card_has_an_engine),
    cmocka_unit_test (turing_has_none_for_bf16),
    cmocka_unit_test (exact_floats_do_not_meet_tensor_cores),
    cmocka_unit_test (gradients_are_the_same_every_time),
    cmocka_unit_test (without_relu_there_are_engines_too),
    cmocka_unit_test (what_is_no_card_is_refused),
    cmocka_unit_test (a_choice_is_found_again_for_the_same_card_and_shape_only),
    cmocka_unit_test (a_damaged_choice_is_not_taken),
    cmocka_unit_test (text_that_cudnn_does_not_know_is_not_taken),
  };

  if (mkdtemp (cache) == NULL)
    return 1;
  setenv ("XDG_CACHE_HOME", cache, 1);
  return cmocka_run_group_tests (tests, NULL, remove_folder);
}
