"""Drawings whose lengths and boxes are known exactly, without the code under test."""
