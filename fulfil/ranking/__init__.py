"""Who is asked to make a job and why: pure functions over facts, versioned; no database, clock or Temporal."""
