"""What the API takes in and gives out: bodies that refuse unknown fields, and representations."""
