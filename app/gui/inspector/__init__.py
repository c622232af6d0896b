"""The parts of the inspector page: each shows one side of a judged message, and knows neither the page nor a verb."""
