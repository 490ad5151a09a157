/* Pipelines of artificial stations, random ones: whatever the order in which threads make strips, what comes out is
 * what a plain loop gives, and no strip is lost while somebody still needs it.
 *
 * Maps have one channel. Each piece of a strip fills two columns of each of its rows: a tag, which says whose row it
 * is, and a number, which is made of all numbers of the rows that it needs. Who reads a row looks at its tags before
 * and after a short sleep: had another strip come into the slot meanwhile, they would be another row's. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "backend/cpu/pipeline.h"
#include "mem.h"

#define CASES        300
#define STATIONS_MAX 10
#define ROWS_MAX     90
#define PIECES_MAX   3
#define MODULUS      65521 /* numbers stay exact in float */
#define GUARD        -7.0f /* behind the room: never written */

static const int thread_counts[] = { 1, 2, 3, 8 };

#define COUNTS (int)(sizeof thread_counts / sizeof thread_counts[0])

static WctPool *pools[sizeof thread_counts / sizeof thread_counts[0]];

/* ---- Random numbers -------------------------------------------------------------------------------------------- */

static uint64_t
mix (uint64_t value)
{
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

/* From @least to @most. */
static int32_t
draw (uint64_t *seed, int32_t least, int32_t most)
{
  *seed = mix (*seed);
  return least + (int32_t)(*seed % (uint64_t)(most - least + 1));
}

/* ---- Lines of stations ----------------------------------------------------------------------------------------- */

typedef enum
{
  SAME,
  DOWN, /* every second row, as pooling */
  UP    /* every row twice */
} Stride;

typedef struct Line Line;

/* What a station makes, and how. */
typedef struct
{
  Line       *line;
  int         index, source; /* source: -1 where there is none */
  Stride      stride;
  int32_t     halo, rows, strip_rows, pieces;
  int32_t     in_turn;          /* then it leaves nothing in a ring, but sums up */
  bool        is_there;         /* before the pipeline runs */
  float      *whole;            /* owned; where it keeps all rows: the last stations, and what is there already */
  uint64_t    sums[4];          /* of each group of a station in turn: they depend on the order */
  uint64_t    expected_sums[4]; /* likewise, by the plain loop */
  float      *expected;         /* owned; (rows, pieces): its numbers, by the plain loop */
  _Atomic int made[ROWS_MAX][PIECES_MAX]; /* of each piece, by strips */
  atomic_bool busy[4];                    /* groups of a station in turn */
} Part;

struct Line
{
  uint64_t   seed;
  int        count;
  Part       parts[STATIONS_MAX];
  WctStation stations[STATIONS_MAX];
  int        fail_station; /* its strip fails, at its first piece; -1: none */
  int32_t    fail_strip;
  atomic_int of_failed; /* pieces that were made of it */
  bool       sleeps;
};

static int32_t
columns (const Part *part)
{
  return 2 * part->pieces;
}

static int32_t
clip (int32_t row, int32_t rows)
{
  return row < 0 ? 0 : row >= rows ? rows - 1 : row;
}

/* The rows of the source that a row needs. */
static void
needed_rows (const Part *part, int32_t y, int32_t *first, int32_t *last)
{
  const int32_t source_rows = part->line->parts[part->source].rows;
  const int32_t at = part->stride == DOWN ? 2 * y : part->stride == UP ? y / 2 : y;

  *first = clip (at - part->halo, source_rows);
  *last = clip (at + part->halo + (part->stride == DOWN), source_rows);
}

static int32_t
last_row (const Part *part, int32_t strip)
{
  return clip ((strip + 1) * part->strip_rows - 1, part->rows);
}

static void
needs (const WctStation *station, int32_t strip, int32_t *first, int32_t *last)
{
  const Part   *part = station->what;
  const int32_t source_strip_rows = part->line->parts[part->source].strip_rows;
  int32_t       ignored;

  needed_rows (part, strip * part->strip_rows, first, &ignored);
  needed_rows (part, last_row (part, strip), &ignored, last);
  *first /= source_strip_rows;
  *last /= source_strip_rows;
}

static float
tag_of (const Part *part, int32_t y)
{
  return (float)(part->index * 1000 + y + 1);
}

static float
add_number (float sum, float number, int32_t weight)
{
  return (float)(((int64_t)sum * 3 + (int64_t)number * weight + 1) % MODULUS);
}

/* Numbers of stations without a source. */
static float
seed_number (const Part *part, int32_t y, int32_t piece)
{
  return (float)(mix (part->line->seed + (uint64_t)(y * PIECES_MAX + piece)) % MODULUS);
}

static uint64_t
add_to_group (uint64_t sum, float number)
{
  return sum * 1000003 + (uint64_t)number;
}

/* ---- The plain loop -------------------------------------------------------------------------------------------- */

static float
expected_number (const Part *part, int32_t y, int32_t piece)
{
  const Part *source;
  int32_t     first, last;
  float       sum = (float)piece;

  if (part->source < 0)
    return seed_number (part, y, piece);
  source = &part->line->parts[part->source];
  needed_rows (part, y, &first, &last);
  for (int32_t row = first; row <= last; row++)
    for (int32_t p = 0; p < source->pieces; p++)
      sum = add_number (sum, source->expected[row * source->pieces + p], p + 2);
  return sum;
}

static void
expect (Part *part)
{
  part->expected = calloc ((size_t)(part->rows * part->pieces), sizeof (float));
  assert_non_null (part->expected);
  for (int32_t y = 0; y < part->rows; y++)
    {
      for (int32_t piece = 0; piece < part->pieces; piece++)
        part->expected[y * part->pieces + piece] = expected_number (part, y, piece);
      if (part->in_turn > 0)
        {
          uint64_t *sum = &part->expected_sums[y / part->strip_rows % part->in_turn];

          *sum = add_to_group (*sum, part->expected[y * part->pieces]);
        }
    }
}

/* ---- The stations' work ---------------------------------------------------------------------------------------- */

static void
sleep_sometimes (const Part *part, int32_t strip, int32_t piece, int place)
{
  const uint64_t chance =
    mix (part->line->seed ^ mix ((uint64_t)(((part->index * 1000 + strip) * 8 + piece) * 4 + place)));

  if (part->line->sleeps && chance % 16 == 0)
    nanosleep (&(struct timespec){ 0, (long)(chance / 16 % 300) * 1000 }, NULL);
}

static float *
row_of (const WctRing *ring, int32_t y)
{
  return ring->data + (wct_map_row (&ring->layout, ring->data, 0, y) - ring->data);
}

static WctStatus
check_tags (const WctStation *station, int32_t strip, const char *when, WctError *err)
{
  const Part *part = station->what, *source;
  int32_t     first, last, ignored;

  if (part->source < 0)
    return WCT_OK;
  source = &part->line->parts[part->source];
  needed_rows (part, strip * part->strip_rows, &first, &ignored);
  needed_rows (part, last_row (part, strip), &ignored, &last);
  for (int32_t y = first; y <= last; y++)
    for (int32_t p = 0; p < source->pieces; p++)
      {
        const float got = row_of (&station->source->out, y)[2 * p];

        if (got != tag_of (source, y))
          return wct_error_set (err, WCT_ERR_NUMERIC,
                                "station %d, strip %d, %s: piece %d of row %d of station %d should have tag %g and has "
                                "%g",
                                part->index, strip, when, p, y, source->index, (double)tag_of (source, y), (double)got);
      }
  return WCT_OK;
}

static float
number_of (const WctStation *station, int32_t y, int32_t piece)
{
  const Part *part = station->what, *source;
  int32_t     first, last;
  float       sum = (float)piece;

  if (part->source < 0)
    return seed_number (part, y, piece);
  source = &part->line->parts[part->source];
  needed_rows (part, y, &first, &last);
  for (int32_t row = first; row <= last; row++)
    for (int32_t p = 0; p < source->pieces; p++)
      sum = add_number (sum, row_of (&station->source->out, row)[2 * p + 1], p + 2);
  return sum;
}

static WctStatus
sum_up (const WctStation *station, int32_t strip, WctError *err)
{
  Part     *part = station->into;
  const int group = strip % part->in_turn;

  if (atomic_exchange (&part->busy[group], true))
    return wct_error_set (err, WCT_ERR_NUMERIC, "station %d, strip %d: another one of its group is being made",
                          part->index, strip);
  for (int32_t y = strip * part->strip_rows; y <= last_row (part, strip); y++)
    part->sums[group] = add_to_group (part->sums[group], number_of (station, y, 0));
  sleep_sometimes (part, strip, 0, 2);
  atomic_store (&part->busy[group], false);
  return WCT_OK;
}

static void
write_rows (const WctStation *station, int32_t strip, int32_t piece)
{
  const Part *part = station->what;

  for (int32_t y = strip * part->strip_rows; y <= last_row (part, strip); y++)
    {
      float *row = row_of (&station->out, y);

      row[2 * piece + 1] = number_of (station, y, piece);
      row[2 * piece] = tag_of (part, y);
    }
}

static bool
is_of_failed (const Part *part, int32_t strip)
{
  const Line *line = part->line;
  int32_t     first, last;

  if (line->fail_station < 0 || part->source != line->fail_station)
    return false;
  needs (&line->stations[part->index], strip, &first, &last);
  return first <= line->fail_strip && line->fail_strip <= last;
}

static WctStatus
make (const WctStation *station, int32_t strip, int32_t piece, void *scratch, WctError *err)
{
  Part        *part = station->into;
  atomic_bool *in_use = scratch;
  WctStatus    status;

  if (atomic_exchange (in_use, true))
    return wct_error_set (err, WCT_ERR_NUMERIC, "station %d, strip %d: two threads have one scratch", part->index,
                          strip);
  atomic_fetch_add (&part->made[strip][piece], 1);
  if (part->line->fail_station == part->index && part->line->fail_strip == strip && piece == 0)
    return wct_error_set (err, WCT_ERR_DEVICE, "station %d cannot make strip %d", part->index, strip);
  if (is_of_failed (part, strip))
    atomic_fetch_add (&part->line->of_failed, 1);
  WCT_TRY (check_tags (station, strip, "at first", err));
  sleep_sometimes (part, strip, piece, 0);
  if (part->in_turn > 0)
    WCT_TRY (sum_up (station, strip, err));
  else
    write_rows (station, strip, piece);
  sleep_sometimes (part, strip, piece, 1);
  WCT_TRY (check_tags (station, strip, "at last", err));

out:
  atomic_store (in_use, false);
  return status;
}

/* ---- Making lines ---------------------------------------------------------------------------------------------- */

static int
consumers_of (const Line *line, int index)
{
  int count = 0;

  for (int i = 0; i < line->count; i++)
    count += line->parts[i].source == index;
  return count;
}

/* Mostly the last one, so that lines are long; never one that leaves nothing behind. */
static int
draw_source (const Line *line, uint64_t *seed)
{
  for (;;)
    {
      const int at = draw (seed, 0, 3) > 0 ? line->count - 1 : draw (seed, 0, line->count - 1);

      if (line->parts[at].in_turn == 0 && consumers_of (line, at) < WCT_STATION_CONSUMERS_MAX)
        return at;
      *seed = mix (*seed);
    }
}

static int32_t
rows_after (Stride stride, int32_t rows)
{
  return stride == DOWN ? (rows + 1) / 2 : stride == UP ? 2 * rows : rows;
}

static void
add_part (Line *line, uint64_t *seed)
{
  Part *part = &line->parts[line->count];

  part->line = line;
  part->index = line->count;
  part->source = line->count == 0 ? -1 : draw_source (line, seed);
  part->pieces = draw (seed, 1, PIECES_MAX);
  if (line->count == 0)
    {
      part->rows = draw (seed, 1, 40);
      part->is_there = draw (seed, 0, 4) == 0;
    }
  else
    {
      const Part *source = &line->parts[part->source];

      part->stride = (Stride)draw (seed, SAME, UP);
      if (part->stride == UP && 2 * source->rows > ROWS_MAX)
        part->stride = DOWN;
      part->halo = draw (seed, 0, 2);
      part->rows = rows_after (part->stride, source->rows);
      part->in_turn = line->count > 1 && draw (seed, 0, 4) == 0 ? draw (seed, 1, 4) : 0;
    }
  if (part->in_turn > 0)
    part->pieces = 1; /* as what it stands for */
  part->strip_rows = draw (seed, 1, part->rows < 5 ? part->rows : 5);
  line->count++;
}

static WctStation
station_of (Part *part, bool last)
{
  const int32_t strips = (part->rows + part->strip_rows - 1) / part->strip_rows;
  WctStation    station = { .run = part->is_there ? NULL : make,
                            .name = "artificial",
                            .what = part,
                            .into = part,
                            .source = part->source < 0 ? NULL : &part->line->stations[part->source],
                            .strips = part->is_there ? 0 : strips,
                            .pieces = part->pieces,
                            .in_turn = part->in_turn,
                            .work = 1 + part->index,
                            .needs = part->source < 0 ? NULL : needs };

  if (part->in_turn > 0)
    return station;
  station.out.layout = (WctMapLayout){ .shape = { 1, part->rows, columns (part) },
                                       .block = 1,
                                       .blocks = 1,
                                       .strip_rows = part->strip_rows,
                                       .strips = strips,
                                       .slots = strips };
  if (!last && !part->is_there)
    return station;
  part->whole = calloc ((size_t)(part->rows * columns (part)), sizeof (float));
  assert_non_null (part->whole);
  station.out.data = part->whole;
  for (int32_t strip = 0; part->is_there && strip < strips; strip++)
    for (int32_t piece = 0; piece < part->pieces; piece++)
      write_rows (&station, strip, piece);
  return station;
}

static Line *
new_line (uint64_t seed)
{
  Line *line = calloc (1, sizeof *line);

  assert_non_null (line);
  line->seed = seed;
  line->fail_station = -1;
  line->sleeps = true;
  for (int wanted = draw (&seed, 2, STATIONS_MAX); line->count < wanted;)
    add_part (line, &seed);
  for (int i = 0; i < line->count; i++)
    {
      expect (&line->parts[i]);
      line->stations[i] = station_of (&line->parts[i], consumers_of (line, i) == 0);
    }
  return line;
}

static void
free_line (Line *line)
{
  for (int i = 0; i < line->count; i++)
    {
      free (line->parts[i].expected);
      free (line->parts[i].whole);
    }
  free (line);
}

static double
work_of (const Line *line)
{
  double work = 0;

  for (int i = 0; i < line->count; i++)
    work += line->parts[i].is_there ? 0 : line->stations[i].work;
  return work;
}

static long
pieces_of (const Line *line)
{
  long count = 0;

  for (int i = 0; i < line->count; i++)
    count += (long)line->stations[i].strips * line->stations[i].pieces;
  return count;
}

static long
pieces_made (Line *line)
{
  long count = 0;

  for (int i = 0; i < line->count; i++)
    for (int32_t strip = 0; strip < line->stations[i].strips; strip++)
      for (int32_t piece = 0; piece < line->stations[i].pieces; piece++)
        count += atomic_load (&line->parts[i].made[strip][piece]);
  return count;
}

/* ---- Running them ---------------------------------------------------------------------------------------------- */

static WctStatus
run (Line *line, WctPool *pool, WctMonitor *monitor, WctError *err)
{
  const int    threads = wct_pool_threads (pool);
  const size_t floats = wct_pipeline_size (line->stations, line->count, threads);
  float       *room = malloc ((floats + 1) * sizeof (float));
  atomic_bool  in_use[16];
  void        *scratch[16];

  assert_non_null (room);
  for (size_t i = 0; i <= floats; i++)
    room[i] = GUARD;
  for (int i = 0; i < 16; i++)
    {
      atomic_init (&in_use[i], false);
      scratch[i] = &in_use[i];
    }
  const WctStatus status = wct_pipeline_run (line->stations, line->count, room, scratch, pool, monitor, err);
  const bool      kept_to_room = room[floats] == GUARD;
  free (room);
  assert_true (kept_to_room);
  return status;
}

static void
compare (Line *line, int threads)
{
  for (int i = 0; i < line->count; i++)
    {
      const Part *part = &line->parts[i];

      for (int32_t strip = 0; strip < line->stations[i].strips; strip++)
        for (int32_t piece = 0; piece < part->pieces; piece++)
          if (atomic_load (&part->made[strip][piece]) != 1)
            fail_msg ("seed %llu, %d threads, station %d: piece %d of strip %d was made %d times, expected once",
                      (unsigned long long)line->seed, threads, i, piece, strip,
                      atomic_load (&part->made[strip][piece]));
      for (int group = 0; group < part->in_turn; group++)
        if (part->sums[group] != part->expected_sums[group])
          fail_msg ("seed %llu, %d threads, station %d: group %d was summed up in another order or to something else",
                    (unsigned long long)line->seed, threads, i, group);
      for (int32_t y = 0; part->whole != NULL && y < part->rows; y++)
        for (int32_t piece = 0; piece < part->pieces; piece++)
          {
            const float got = part->whole[y * columns (part) + 2 * piece + 1];
            const float expected = part->expected[y * part->pieces + piece];

            if (got != expected)
              fail_msg ("seed %llu, %d threads, station %d, row %d, piece %d: expected %g, got %g",
                        (unsigned long long)line->seed, threads, i, y, piece, (double)expected, (double)got);
          }
    }
}

static void
random_lines_give_what_a_plain_loop_gives (void **state)
{
  (void)state;
  for (uint64_t seed = 1; seed <= CASES; seed++)
    for (int i = 0; i < COUNTS; i++)
      {
        Line    *line = new_line (seed);
        WctError err;

        if (run (line, pools[i], NULL, &err) != WCT_OK)
          fail_msg ("seed %llu, %d threads: %s", (unsigned long long)seed, thread_counts[i], err.message);
        compare (line, thread_counts[i]);
        free_line (line);
      }
}

/* Otherwise the case above would prove less than it says. */
static void
random_lines_have_rings_that_go_round_and_all_kinds_of_stations (void **state)
{
  int rings = 0, shared = 0, turns = 0, down = 0, up = 0, pieces = 0, there = 0;

  (void)state;
  for (uint64_t seed = 1; seed <= CASES; seed++)
    {
      Line *line = new_line (seed);

      wct_pipeline_size (line->stations, line->count, 2);
      for (int i = 0; i < line->count; i++)
        {
          const WctMapLayout *layout = &line->stations[i].out.layout;

          rings += 2 * layout->slots <= layout->strips && layout->slots > 0;
          shared += line->stations[i].consumer_count > 1;
          turns += line->stations[i].in_turn > 0;
          down += line->parts[i].stride == DOWN;
          up += line->parts[i].stride == UP;
          pieces += line->parts[i].pieces > 1;
          there += line->parts[i].is_there;
        }
      free_line (line);
    }
  assert_true (rings > 100 && shared > 100 && turns > 100 && down > 100 && up > 100 && pieces > 100 && there > 20);
}

/* ---- Failures, cancel, progress -------------------------------------------------------------------------------- */

static void
a_failing_station_stops_the_line_and_its_sentence_comes_out (void **state)
{
  (void)state;
  for (uint64_t seed = 1; seed <= CASES; seed++)
    for (int i = 0; i < COUNTS; i++)
      {
        Line          *line = new_line (seed);
        const uint64_t chance = mix (seed);
        WctError       err = { .status = WCT_OK };
        char           expected[64];

        line->fail_station = (int)(chance % (uint64_t)line->count);
        if (line->parts[line->fail_station].is_there)
          line->fail_station++;
        line->fail_strip = (int32_t)(chance / 64 % (uint64_t)line->stations[line->fail_station].strips);
        snprintf (expected, sizeof expected, "station %d cannot make strip %d", line->fail_station, line->fail_strip);
        const WctStatus status = run (line, pools[i], NULL, &err);
        if (status != WCT_ERR_DEVICE || strcmp (err.message, expected) != 0)
          fail_msg ("seed %llu, %d threads: expected \"%s\", got status %d, \"%s\"", (unsigned long long)seed,
                    thread_counts[i], expected, (int)status, err.message);
        if (consumers_of (line, line->fail_station) > 0 && pieces_made (line) == pieces_of (line))
          fail_msg ("seed %llu, %d threads: all pieces were made though \"%s\"", (unsigned long long)seed,
                    thread_counts[i], expected);
        free_line (line);
      }
}

typedef struct
{
  pthread_t caller;
  bool      other_thread, fell;
  double    last;
  long      calls, cancel_at;   /* the call that cancels, 0: none */
  long      sleep_microseconds; /* in each call */
} Watch;

static void
watch_progress (void *user, double done)
{
  Watch *watch = user;

  watch->other_thread |= !pthread_equal (pthread_self (), watch->caller);
  watch->fell |= done < watch->last;
  watch->last = done;
}

static bool
watch_canceled (void *user)
{
  Watch *watch = user;

  watch->other_thread |= !pthread_equal (pthread_self (), watch->caller);
  if (watch->sleep_microseconds > 0)
    nanosleep (&(struct timespec){ 0, watch->sleep_microseconds * 1000 }, NULL);
  return ++watch->calls == watch->cancel_at;
}

/* The thread that calls tells the monitor after each piece, which may take its time: others go on meanwhile. */
static void
nothing_is_made_of_a_strip_that_failed (void **state)
{
  (void)state;
  for (uint64_t seed = 1; seed <= 100; seed++)
    for (int i = 0; i < COUNTS; i++)
      {
        Line          *line = new_line (seed);
        Watch          watch = { .caller = pthread_self (), .sleep_microseconds = 300 };
        const WctHooks hooks = { &watch, NULL, watch_canceled };
        WctMonitor     monitor;
        WctError       err;

        line->fail_station = line->parts[0].is_there;
        line->fail_strip = line->stations[line->fail_station].strips / 2;
        wct_monitor_init (&monitor, &hooks, work_of (line));
        const WctStatus status = run (line, pools[i], &monitor, &err);
        const int       of_failed = atomic_load (&line->of_failed);
        if (status != WCT_ERR_DEVICE || of_failed > 0)
          fail_msg ("seed %llu, %d threads: strip %d of station %d failed; expected status %d and nothing made of it, "
                    "got %d (%s) and %d pieces",
                    (unsigned long long)seed, thread_counts[i], line->fail_strip, line->fail_station,
                    (int)WCT_ERR_DEVICE, (int)status, err.message, of_failed);
        free_line (line);
      }
}

static void
progress_comes_on_the_callers_thread_rises_and_ends_at_one (void **state)
{
  (void)state;
  for (uint64_t seed = 1; seed <= 40; seed++)
    for (int i = 0; i < COUNTS; i++)
      {
        Line          *line = new_line (seed);
        Watch          watch = { .caller = pthread_self () };
        const WctHooks hooks = { &watch, watch_progress, watch_canceled };
        WctMonitor     monitor;
        WctError       err;

        wct_monitor_init (&monitor, &hooks, work_of (line));
        if (run (line, pools[i], &monitor, &err) != WCT_OK)
          fail_msg ("seed %llu, %d threads: %s", (unsigned long long)seed, thread_counts[i], err.message);
        assert_false (watch.other_thread || watch.fell);
        assert_float_equal (watch.last, 1, 0);
        free_line (line);
      }
}

static void
cancel_by_the_monitor_stops_the_line (void **state)
{
  (void)state;
  for (uint64_t seed = 1; seed <= 100; seed++)
    for (int i = 0; i < COUNTS; i++)
      {
        Line          *line = new_line (seed);
        Watch          watch = { .caller = pthread_self (), .cancel_at = 1 + (long)(mix (seed) % 4) };
        const WctHooks hooks = { &watch, NULL, watch_canceled };
        WctMonitor     monitor;
        WctError       err = { .status = WCT_OK };
        const long     all = pieces_of (line);

        wct_monitor_init (&monitor, &hooks, work_of (line));
        const WctStatus status = run (line, pools[i], &monitor, &err);
        if (watch.calls < watch.cancel_at) /* others were faster than the thread that asks */
          assert_int_equal (status, WCT_OK);
        else if (status != WCT_CANCELED)
          fail_msg ("seed %llu, %d threads: expected to be canceled, got status %d", (unsigned long long)seed,
                    thread_counts[i], (int)status);
        if (thread_counts[i] == 1 && all > watch.cancel_at)
          assert_int_equal (pieces_made (line), watch.cancel_at);
        free_line (line);
      }
}

static void
a_line_without_memory_is_a_sentence_and_leaves_nothing (void **state)
{
  Line        *line = new_line (1);
  const size_t before = wct_mem_used ();
  WctError     err = { .status = WCT_OK };

  (void)state;
  wct_mem_test_fail (1, false);
  const WctStatus status = run (line, pools[1], NULL, &err);
  wct_mem_test_fail (0, false);
  assert_int_equal (status, WCT_ERR_NO_MEMORY);
  assert_true (strlen (err.message) > 0);
  assert_int_equal (wct_mem_used (), before);
  assert_int_equal (pieces_made (line), 0);
  assert_int_equal (run (line, pools[1], NULL, &err), WCT_OK);
  assert_int_equal (wct_mem_used (), before);
  free_line (line);
}

static int
open_pools (void **state)
{
  (void)state;
  for (int i = 0; i < COUNTS; i++)
    if (wct_pool_new (thread_counts[i], &pools[i], NULL) != WCT_OK)
      return -1;
  return 0;
}

static int
close_pools (void **state)
{
  (void)state;
  for (int i = 0; i < COUNTS; i++)
    wct_pool_free (&pools[i]);
  return wct_mem_used () == 0 ? 0 : -1;
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (random_lines_give_what_a_plain_loop_gives),
    cmocka_unit_test (random_lines_have_rings_that_go_round_and_all_kinds_of_stations),
    cmocka_unit_test (a_failing_station_stops_the_line_and_its_sentence_comes_out),
    cmocka_unit_test (nothing_is_made_of_a_strip_that_failed),
    cmocka_unit_test (progress_comes_on_the_callers_thread_rises_and_ends_at_one),
    cmocka_unit_test (cancel_by_the_monitor_stops_the_line),
    cmocka_unit_test (a_line_without_memory_is_a_sentence_and_leaves_nothing),
  };

  return cmocka_run_group_tests (tests, open_pools, close_pools);
}
