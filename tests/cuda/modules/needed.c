/* The library that is not found. */
int needed_function (void);

int
needed_function (void)
{
  return 1;
}
