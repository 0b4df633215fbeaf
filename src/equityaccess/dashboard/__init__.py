"""The pages: what people see. They read the stores of the other slices, and own no figure."""
