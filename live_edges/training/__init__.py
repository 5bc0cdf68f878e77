"""The trainer: learns kernels offline that the live program then runs; light to import."""
