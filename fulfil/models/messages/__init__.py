"""Frozen messages: the vocabulary shared by workflows, activities and the API."""
