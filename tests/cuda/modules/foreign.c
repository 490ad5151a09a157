/* A library that is not ours. */
int some_function (void);

int
some_function (void)
{
  return 1;
}
