(()=>{var e={version:"de3db48e56f95570",files:["assets/main-4b71295771d31750.js","assets/main-5884a1435df927a4.css","./"]};var s=e;addEventListener("install",()=>s.files);})();
