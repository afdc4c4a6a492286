"""What the API takes and gives, as OpenAPI tells it."""
