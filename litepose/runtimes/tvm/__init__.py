"""Networks compiled by TVM: lowering to kernels, their schedules, tuning, and execution."""
