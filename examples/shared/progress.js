/** Shows how far a file is: the weights are nearly all of a model, and say their size at their beginning. */
export function showProgress(bar, status, { file, read, size }) {
  if (size === undefined) bar.removeAttribute("value");
  else bar.value = read / size;
  status.textContent = `${file}: ${megabytes(read)}${size === undefined ? "" : ` of ${megabytes(size)}`} MB`;
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}
