/* Stores whose bytes are on the device, too, so that what one pass makes the next one finds there. The processor's side
 * takes them when it reads: once, whole. */
#include "cuda.h"

#include "mem.h"

typedef struct Mirror
{
  WctStoreMirror base;
  WctCuda       *cuda; /* borrowed; the back end outlives its jobs */
  struct Mirror *next; /* of all */
  WctStore      *store;
  void          *block; /* owned */
} Mirror;

static WctStatus
fetch (WctStoreMirror *mirror, void *bytes, size_t size, WctError *err)
{
  Mirror *own = (Mirror *)mirror;

  return wct_device_download (own->cuda->device, own->block, size, bytes, err);
}

static void
mirror_free (WctStoreMirror *mirror)
{
  Mirror *own = (Mirror *)mirror;

  for (Mirror **link = &own->cuda->mirrors; *link != NULL; link = &(*link)->next)
    if (*link == own)
      {
        *link = own->next;
        break;
      }
  wct_device_free (own->cuda->device, &own->block);
  wct_free (&own);
}

/* @out: untouched where the card has no room. */
static WctStatus
mirror_new (WctCuda *cuda, WctStore *store, Mirror **out, WctError *err)
{
  Mirror   *mirror = NULL;
  WctStatus status;

  WCT_TRY (wct_alloc (1, sizeof *mirror, "picture", &mirror, err));
  mirror->base = (WctStoreMirror){ .fetch = fetch, .free = mirror_free, .behind = true };
  mirror->cuda = cuda;
  mirror->store = store;
  WCT_TRY (wct_device_alloc (cuda->device, wct_store_size (store), "picture", &mirror->block, err));
  mirror->next = cuda->mirrors;
  cuda->mirrors = mirror;
  *out = mirror;
  mirror = NULL;

out:
  wct_free (&mirror);
  return status;
}

/* Half of what is free stays so, for feature maps. */
static bool
fits (WctCuda *cuda, size_t size)
{
  return size <= wct_device_available (cuda->device) / 2;
}

/* The store's own, made where there is none and room for one; NULL where not. */
static WctStatus
find_mirror (WctCuda *cuda, WctStore *store, Mirror **out, WctError *err)
{
  Mirror   *mirror = (Mirror *)wct_store_mirror (store);
  WctStatus status = WCT_OK;

  *out = mirror;
  if (mirror != NULL || wct_store_bytes (store) == NULL || !fits (cuda, wct_store_size (store)))
    return WCT_OK;
  status = mirror_new (cuda, store, &mirror, err);
  if (status == WCT_OK)
    {
      wct_store_set_mirror (store, &mirror->base);
      *out = mirror;
    }
  return status == WCT_ERR_NO_MEMORY ? WCT_OK : status;
}

static WctStatus
bring_up_to_date (const WctStore *store, Mirror *mirror, WctError *err)
{
  WctStatus status = WCT_OK;

  if (!mirror->base.behind)
    return WCT_OK;
  status =
    wct_device_upload (mirror->cuda->device, wct_store_bytes (store), wct_store_size (store), mirror->block, err);
  mirror->base.behind = status != WCT_OK;
  return status;
}

WctStatus
wct_cuda_mirror (WctCuda *cuda, const WctStore *store, void **out, WctError *err)
{
  Mirror   *mirror;
  WctStatus status;

  *out = NULL;
  WCT_TRY (find_mirror (cuda, (WctStore *)store, &mirror, err)); /* what is in the store stays as it is */
  if (mirror == NULL)
    return WCT_OK;
  WCT_TRY (bring_up_to_date (store, mirror, err));
  *out = mirror->block;

out:
  return status;
}

WctStatus
wct_cuda_mirror_to_write (WctCuda *cuda, WctStore *store, void **out, WctError *err)
{
  Mirror   *mirror;
  WctStatus status;

  *out = NULL;
  WCT_TRY (find_mirror (cuda, store, &mirror, err));
  if (mirror == NULL)
    return WCT_OK;
  mirror->base.behind = false;
  mirror->base.ahead = true;
  *out = mirror->block;

out:
  return status;
}

void
wct_cuda_mirror_exchange (WctStore *store, void **block)
{
  Mirror *mirror = (Mirror *)wct_store_mirror (store);
  void   *before = mirror->block;

  mirror->block = *block;
  mirror->base.behind = false;
  mirror->base.ahead = true;
  *block = before;
}

WctStatus
wct_cuda_mirrors_drop (WctCuda *cuda, WctError *err)
{
  WctStatus status = WCT_OK;

  while (cuda->mirrors != NULL && status == WCT_OK)
    {
      WctStore *store = cuda->mirrors->store;

      status = wct_store_drop_mirror (store, err);
    }
  return status;
}
