import { directLogitAttribution, modelFromFiles } from "/dist/index.js";

let readAtOnce = 0;
const { readAsArrayBuffer } = FileReaderSync.prototype;
FileReaderSync.prototype.readAsArrayBuffer = function (blob) {
  readAtOnce += blob.size;
  return readAsArrayBuffer.call(this, blob);
};

addEventListener("message", async ({ data: files }) => {
  const model = await modelFromFiles(Object.fromEntries(files.map((file) => [file.name, file])), {
    compatibilityMode: true,
  });
  const whileLoading = readAtOnce;
  const prompt = "When Mary and John went to the store, John gave a drink to";
  const result = directLogitAttribution(model, prompt, { answer: " Mary", wrong: " John", unit: "head" });
  postMessage({ scores: [...result.attributions[0].scores.data], whileLoading, readAtOnce });
});
