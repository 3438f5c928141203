"""What `farlight demo` serves: two made-up hospitals and studies worth looking at."""
