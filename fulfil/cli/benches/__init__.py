"""Measuring and shaking the whole system: what `fulfil bench` and `fulfil simulate faults` are made of."""
