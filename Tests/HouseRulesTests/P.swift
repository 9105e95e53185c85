// replaced at once
