"""The lowered form: kernels, program, lifetimes, plan, interpreter."""
