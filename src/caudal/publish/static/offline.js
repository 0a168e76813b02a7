// After the first visit the pages of this language open without a connection.
const here = document.currentScript.dataset;
if ("serviceWorker" in navigator && location.protocol !== "file:")
  navigator.serviceWorker.register(`${here.root}offline-worker.js`).then(async () => {
    const worker = (await navigator.serviceWorker.ready).active;
    worker.postMessage({ language: document.documentElement.lang });
  }).catch(() => {}); // without it the pages are as good, and need a connection
