"""Forecasts of readiness."""
